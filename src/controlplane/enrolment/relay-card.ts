/** What a relay leaves in its home, so that invitations can be written without asking it. */

import { z } from 'zod';
import type { Store } from '../../contracts/store.ts';
import { SallyportError } from '../../core/errors.ts';

/** `address` is what gateways dial: HOST:PORT. */
export type RelayCard = Readonly<{ domain: string; address: string }>;

const key = 'relay/card';
const kept: z.ZodType<RelayCard> = z.strictObject({ domain: z.string(), address: z.string() });

export async function saveRelayCard(store: Store, { domain, address }: RelayCard): Promise<void> {
  await store.records.put(key, { domain, address });
}

/** Errors: `process-missing` when no relay has run on this home. */
export async function readRelayCard(store: Store): Promise<RelayCard> {
  const entry = await store.records.get(key);
  const card = kept.safeParse(entry?.value ?? null);
  if (card.success) return card.data;
  throw new SallyportError('process-missing', 'No relay has run with this state directory yet.', {
    hint: 'Start it first: sallyport relay --domain example.org',
  });
}
