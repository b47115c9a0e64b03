/** What a gateway offers about sharing names, among the features of its greeting. */

import { createHash } from 'node:crypto';

/** It knows what it means to stand by, and that the relay may ask it to register again. */
const sharingFeature = 'shared-names';
/** And the mark of its store behind it, 32 hex digits. */
const storePrefix = 'store-';
const storeForm = /^store-([0-9a-f]{32})$/;

export type SharingOffer = Readonly<{
  shares: boolean;
  /** The same for two gateways whose sessions, links and certificates are in one store; null where that is not known. */
  store: string | null;
}>;

/**
 * What a gateway says to this relay. `storeId` is a secret of its store (two gateways with the same one read the same store);
 * the relay gets a mark that is worth nothing at another relay, and from which the secret cannot be known.
 */
export function sharingFeatures(storeId: string | null, relay: string): readonly string[] {
  if (storeId === null) return [sharingFeature];
  const mark = createHash('sha256').update(`sallyport carrier 1 store\0${relay}\0${storeId}`).digest('hex').slice(0, 32);
  return [sharingFeature, storePrefix + mark];
}

/** What of it a relay hears. Two marks are none. */
export function sharingOffer(features: readonly string[]): SharingOffer {
  const marks = features.map((feature) => storeForm.exec(feature)?.[1]).filter((mark) => mark !== undefined);
  const shares = features.includes(sharingFeature);
  return { shares, store: shares && marks.length === 1 ? (marks[0] ?? null) : null };
}
