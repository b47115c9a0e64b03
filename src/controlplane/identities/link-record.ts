/** A link as it is kept: read from its record, and what a new one may say. */

import { z } from 'zod';
import type { Json } from '../../contracts/store.ts';
import type { Link } from '../../contracts/tools.ts';
import { parsePrefix, type Network } from '../../core/address.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { literalPath } from '../../core/policy/match-path.ts';
import { isReserved } from '../../core/policy/return-target.ts';

export type KeptLink = Readonly<{
  link: Link;
  /** SHA-256 of the secret. */
  secret: string;
  /** SHA-256 of the mark of the browser to which it belongs; null while it belongs to none. */
  owner: string | null;
  /** Who opened it last, by the SHA-256 of their mark, and when; null where it was nobody with a mark. */
  last: Readonly<{ by: string; at: number }> | null;
}>;

export type NewLink = Readonly<{
  service: string;
  /** Milliseconds since 1970, or null for never. */
  expires: number | null;
  label?: string | null;
  /** How often it may be opened. */
  uses?: number;
  /** Where it leads: this path and what lies below. */
  path?: string;
  /** Addresses and networks from which it opens. */
  from?: readonly string[];
  /** It belongs to the browser that opens it first. */
  firstBrowser?: boolean;
}>;

/** What the owner may say of a link besides its service and its end. */
export type LinkBounds = Pick<Link, 'uses' | 'path' | 'from' | 'browser'>;

/** What is missing in a record of a time before there was such a bound is no bound. */
const record = z
  .strictObject({
    id: z.string(),
    secret: z.string(),
    service: z.string(),
    createdAt: z.number(),
    expires: z.number().nullable(),
    label: z.string().nullable(),
    uses: z.strictObject({ max: z.number(), left: z.number() }).optional(),
    path: z.string().optional(),
    from: z.array(z.string()).optional(),
    browser: z.enum(['free', 'taken']).optional(),
    owner: z.string().nullable().optional(),
    last: z.strictObject({ by: z.string(), at: z.number() }).nullable().optional(),
  })
  .transform(({ secret, owner = null, last = null, uses, path, from, browser, ...link }, context): KeptLink => {
    const networks = from?.map(parsePrefix);
    // A bound that cannot be read must not become none.
    if (networks?.includes(null) === true) context.issues.push({ code: 'custom', message: 'networks', input: from });
    return {
      link: {
        ...link,
        ...(uses === undefined ? {} : { uses }),
        ...(path === undefined ? {} : { path }),
        ...(networks === undefined ? {} : { from: networks.filter((each) => each !== null) }),
        ...(browser === undefined ? {} : { browser }),
      },
      secret,
      owner,
      last,
    };
  });

/** Null when it is none of ours: then it does not exist. */
export function readLink(value: Json): KeptLink | null {
  return record.safeParse(value).data ?? null;
}

export function linkRecord({ link, secret, owner, last }: KeptLink): Json {
  const { from, uses, ...plain } = link;
  return {
    ...plain,
    ...(uses === undefined ? {} : { uses: { ...uses } }),
    ...(from === undefined ? {} : { from: from.map(({ text }) => text) }),
    ...(owner === null ? {} : { owner }),
    ...(last === null ? {} : { last: { ...last } }),
    secret,
  };
}

/** Errors: `usage-wrong`, with what would have been right. */
export function checkedBounds({ uses, path, from, firstBrowser = false }: NewLink, limits: Limits): LinkBounds {
  if (uses !== undefined && (!Number.isInteger(uses) || uses < 1 || uses > limits.linkUsesMax))
    throw new SallyportError('usage-wrong', `A link opens a whole number of times, 1 to ${limits.linkUsesMax}.`);
  const place = path === undefined ? null : checkedPath(path);
  return {
    ...(uses === undefined ? {} : { uses: { max: uses, left: uses } }),
    ...(place === null ? {} : { path: place }),
    ...(from === undefined || from.length === 0 ? {} : { from: checkedNetworks(from, limits) }),
    ...(firstBrowser ? { browser: 'free' } : {}),
  };
}

/** Null for `/`, which is no bound. */
function checkedPath(text: string): string | null {
  const literal = literalPath(text);
  if (literal === null || literal.includes('*') || isReserved(literal))
    throw new SallyportError('usage-wrong', `${JSON.stringify(text.slice(0, 64))} is no path that a link can be bound to.`, {
      hint: 'Write it as it stands in the address, like /photos/2026: it opens that and what lies below.',
    });
  const path = literal.endsWith('/') ? literal.slice(0, -1) : literal;
  return path === '' ? null : path;
}

function checkedNetworks(texts: readonly string[], limits: Limits): readonly Network[] {
  if (texts.length > limits.linkNetworksMax)
    throw new SallyportError('usage-wrong', `A link opens from ${limits.linkNetworksMax} networks at most.`);
  return texts.map((text) => {
    const network = parsePrefix(text);
    if (network === null)
      throw new SallyportError('usage-wrong', `${JSON.stringify(text.slice(0, 64))} is no address and no network.`, {
        hint: 'Write it like 192.0.2.7 or 192.0.2.0/24.',
      });
    return network;
  });
}
