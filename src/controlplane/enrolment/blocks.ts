/** What a relay's operator shuts out: a name, an address or network, a gateway's key; each with the reason that its owner is told. */

import { z } from 'zod';
import { parseNetwork } from '../../core/address.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Json, Store } from '../../contracts/store.ts';
import { fingerprintForm, keyOfName } from './names.ts';
import { mayBeOwn } from './own-names.ts';

export const blocksPrefix = 'blocks/';
export type BlockKind = 'name' | 'address' | 'gateway';

/** `what`: a label, an address or network in its one spelling, a fingerprint. `since` in milliseconds since 1970. */
export type Block = Readonly<{ kind: BlockKind; what: string; why: string; since: number }>;

/** Told over the wire and on terminals: printable, and short. */
const whyCharsMax = 200;

const kept: z.ZodType<Block> = z.strictObject({
  kind: z.enum(['name', 'address', 'gateway']),
  what: z.string().max(253),
  why: z.string().max(whyCharsMax),
  since: z.number(),
});

export function blockIn(value: Json): Block | null {
  return kept.safeParse(value).data ?? null;
}

/** What somebody who writes a word means by it: a key, an address or network, a name of this domain, or one of a gateway's own. Error: `name-malformed`. */
export function readBlocked(text: string, domain: string): Pick<Block, 'kind' | 'what'> {
  const lower = text.toLowerCase();
  if (fingerprintForm.test(lower)) return { kind: 'gateway', what: lower };
  const network = parseNetwork(lower);
  if (network !== null) return { kind: 'address', what: network.text };
  const label = lower.endsWith(`.${domain}`) ? lower.slice(0, -domain.length - 1) : lower;
  if (keyOfName(label) !== null) return { kind: 'name', what: label };
  if (mayBeOwn(lower, domain)) return { kind: 'name', what: lower };
  throw new SallyportError('name-malformed', `${JSON.stringify(text.slice(0, 100))} is no name of this relay, no address and no key.`, {
    hint: 'For example: blog, 192.0.2.7, 192.0.2.0/24, or the 64 digits of a key.',
  });
}

/** Errors: `usage-wrong` (the reason), `store-unavailable`. */
export async function addBlock(store: Store, block: Block): Promise<void> {
  const why = block.why.trim();
  if (why === '' || why.length > whyCharsMax || !/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u.test(why))
    throw new SallyportError('usage-wrong', `The reason is one line of 1 to ${whyCharsMax} characters.`, {
      hint: 'Write it like --why "phishing, reported on 12 May".',
    });
  await store.records.put(keyOf(block), { ...block, why });
}

/** False when it was not blocked. */
export function removeBlock(store: Store, block: Pick<Block, 'kind' | 'what'>): Promise<boolean> {
  return store.records.delete(keyOf(block));
}

export async function isBlocked(store: Store, label: string): Promise<boolean> {
  return (await store.records.get(keyOf({ kind: 'name', what: label }))) !== null;
}

export async function listBlocks(store: Store): Promise<readonly Block[]> {
  const entries = await store.records.list(blocksPrefix);
  return entries.map(({ value }) => blockIn(value)).filter((block) => block !== null);
}

function keyOf({ kind, what }: Pick<Block, 'kind' | 'what'>): string {
  const spelling = what.replace('/', '~');
  return `${blocksPrefix}${kind}/${spelling}`;
}
