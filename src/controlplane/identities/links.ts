/** Secret links: made, shown once, listed and revoked. Only the SHA-256 of a secret is kept. */

import { hash } from 'node:crypto';
import type { Records } from '../../contracts/store.ts';
import type { Link, Links } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { checkedBounds, linkRecord, readLink, type KeptLink, type NewLink } from './link-record.ts';
import { createSpending } from './link-spending.ts';
import { Mirror } from './mirror.ts';

export interface LinkTable extends Links {
  /** The secret is returned once and kept nowhere. Errors: `usage-wrong` (a label, a bound, a moment that is past, too many), `store-unavailable`. */
  create(link: NewLink): Promise<Readonly<{ secret: string; link: Link }>>;
  /** Ends the link and the sessions that it opened. False when there was none. */
  revoke(id: string): Promise<boolean>;
  close(): void;
}

export type LinkTools = Readonly<{
  records: Records;
  now: () => number;
  randomBytes: (count: number) => Uint8Array;
  limits: Limits;
  /** Ends all sessions of a subject: `link:k3f9`. */
  endSessions: (subject: string) => Promise<unknown>;
}>;

/** 192 bits: what is shared by chat and mail lives long in both. */
const secretBytes = 24;
const idBytes = 5;

export async function openLinks({ records, now, randomBytes, limits, endSessions }: LinkTools): Promise<LinkTable> {
  const bySecret = new Map<string, Link>();
  const mirror = await Mirror.open<KeptLink>({
    records,
    prefix: 'links/',
    read: readLink,
    changed: (before, after) => {
      if (before !== null) bySecret.delete(before.secret);
      if (after !== null) bySecret.set(after.secret, after.link);
    },
  });
  const stands = (link: Link): boolean => link.expires === null || link.expires > now();

  return {
    ...createSpending({ mirror, now, randomBytes, limits }),
    find: (secret, service) => {
      const link = bySecret.get(digest(secret));
      return link !== undefined && link.service === service && stands(link) ? link : null;
    },
    byId: (id) => {
      const kept = mirror.get(id);
      return kept !== null && stands(kept.link) ? kept.link : null;
    },
    list: () =>
      mirror
        .values()
        .map((kept) => kept.link)
        .filter(stands)
        .toSorted((one, other) => one.createdAt - other.createdAt),
    create: async (wanted) => {
      const { service, expires, label = null } = wanted;
      const bounds = checkedBounds(wanted, limits);
      if (label !== null && !/^[\p{L}\p{N}\p{P}\p{S} ]{1,64}$/u.test(label)) {
        throw new SallyportError('usage-wrong', 'The label of a link has up to 64 letters, digits and signs.');
      }
      if (expires !== null && expires <= now()) throw new SallyportError('usage-wrong', 'The link would have ended already.');
      if (mirror.size >= limits.linksMax)
        throw new SallyportError('usage-wrong', `There are ${limits.linksMax} links already, which is the most.`, {
          hint: 'Revoke some: sallyport links list',
        });
      const secret = Buffer.from(randomBytes(secretBytes)).toString('base64url');
      const link: Link = { id: Buffer.from(randomBytes(idBytes)).toString('hex'), service, createdAt: now(), expires, label, ...bounds };
      const ttl = expires === null ? {} : { ttlMs: expires - now() };
      await mirror.put(link.id, linkRecord({ link, secret: digest(secret), owner: null, last: null }), { ifVersion: 0, ...ttl });
      return { secret, link };
    },
    revoke: async (id) => {
      const known = mirror.get(id) !== null;
      if (known) await mirror.delete(id);
      await endSessions(`link:${id}`);
      return known;
    },
    close: () => mirror.close(),
  };
}

function digest(secret: string): string {
  return hash('sha256', secret, 'base64url');
}
