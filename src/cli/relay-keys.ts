/** A running relay's own keys, as they lie in its home: the one that it shows, and the one that it announces. */

import { findIdentity, loadIdentity, nextName } from '../controlplane/certificates/identity.ts';
import type { Relay } from '../relay.ts';

/** Returns what reads them again: a relay whose keys have changed shows and announces the new ones from then on. */
export function keeperOfKeys(relay: Pick<Relay, 'useKeys' | 'fingerprint'>, folder: string): () => Promise<void> {
  let known = `${relay.fingerprint} `;
  return async () => {
    const identity = await loadIdentity(folder, 'relay');
    const next = await findIdentity(folder, nextName('relay'));
    const found = `${identity.fingerprint} ${next?.fingerprint ?? ''}`;
    if (found === known) return;
    known = found;
    relay.useKeys(identity, next?.fingerprint ?? null);
  };
}
