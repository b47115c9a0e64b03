/** Opening links that are counted, or belong to one browser: one after the other, and atomic over all processes of the store. */

import { hash, timingSafeEqual } from 'node:crypto';
import type { Links } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { linkRecord, type KeptLink } from './link-record.ts';
import type { Mirror } from './mirror.ts';

export type SpendingTools = Readonly<{
  mirror: Mirror<KeptLink>;
  now: () => number;
  randomBytes: (count: number) => Uint8Array;
  limits: Limits;
}>;

const markBytes = 32;

/** A button that is pressed twice, or an answer that was lost, is one use: for so long the same browser opens it again. */
const againMs = 60_000;

/** Each conflict means that another process went on; more in a row than this is a store that is not well. */
const triesMax = 100;

export function createSpending(tools: SpendingTools): Pick<Links, 'spend' | 'isOwn'> {
  const { mirror, limits } = tools;
  /** The last who stands in line for each link, so that a thousand at once read and write once each. */
  const lines = new Map<string, Promise<unknown>>();
  let waiting = 0;

  return {
    isOwn: (id, mark) => {
      const kept = mirror.get(id);
      return kept !== null && isMark(kept, mark);
    },
    spend: async (id, mark) => {
      // Whoever comes too late does not stand in line for it.
      if (whatIsLeft(mirror.get(id), mark, tools.now()) === null) return null;
      if (waiting >= limits.linkSpendsMax) throw new SallyportError('credentials-throttled', 'Too many links are opened at this moment.');
      waiting += 1;
      const turn = (lines.get(id) ?? Promise.resolve()).then(() => spendNow(id, mark, tools));
      const settled = turn.then(
        () => undefined,
        () => undefined,
      );
      lines.set(id, settled);
      try {
        return await turn;
      } finally {
        waiting -= 1;
        if (lines.get(id) === settled) lines.delete(id);
      }
    },
  };
}

async function spendNow(id: string, mark: string | null, { mirror, now, randomBytes }: SpendingTools): ReturnType<Links['spend']> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    const before = mirror.get(id);
    const left = whatIsLeft(before, mark, now());
    if (left === null) return null;
    // Pressed twice: nothing is written.
    if (left === before) return { mark: null };
    const fresh = mark === null && left.link.browser === 'free' ? Buffer.from(randomBytes(markBytes)).toString('base64url') : null;
    const shown = mark ?? fresh;
    const by = shown === null ? null : digest(shown);
    const { expires } = left.link;
    const after: KeptLink = {
      ...left,
      ...(left.link.browser === 'free' ? { link: { ...left.link, browser: 'taken' }, owner: by } : {}),
      last: by === null ? null : { by, at: now() },
    };
    try {
      await mirror.replace(id, linkRecord(after), expires === null ? {} : { ttlMs: Math.max(1, expires - now()) });
      return { mark: fresh };
    } catch (error) {
      if (!(error instanceof SallyportError) || error.code !== 'record-conflicted') throw error;
      await mirror.look(id);
    }
  }
  throw new SallyportError('store-unavailable', 'A link could not be counted.');
}

/** The link as it is once it was opened by that browser, the same where that costs nothing; null when it cannot be. */
function whatIsLeft(kept: KeptLink | null, mark: string | null, now: number): KeptLink | null {
  if (kept === null) return null;
  const { link } = kept;
  if (link.expires !== null && link.expires <= now) return null;
  if (link.browser === 'taken' && (mark === null || !isMark(kept, mark))) return null;
  if (mark !== null && kept.last !== null && now - kept.last.at < againMs && isHash(kept.last.by, mark)) return kept;
  if (link.uses === undefined) return link.browser === 'taken' ? kept : { ...kept };
  return link.uses.left < 1 ? null : { ...kept, link: { ...link, uses: { ...link.uses, left: link.uses.left - 1 } } };
}

function isMark({ owner }: KeptLink, mark: string): boolean {
  return owner !== null && isHash(owner, mark);
}

function isHash(hashed: string, mark: string): boolean {
  const [wanted, shown] = [Buffer.from(hashed), Buffer.from(digest(mark))];
  return wanted.length === shown.length && timingSafeEqual(wanted, shown);
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url');
}
