/** Secrets that a configuration only names: a webhook's, by which its sender signs. Never in a file that people edit. */

import { SallyportError } from '../../core/errors.ts';
import type { Json, Records } from '../../contracts/store.ts';
import { Mirror } from './mirror.ts';

const PREFIX = 'secrets/';

/** A signature must be computed, so these are kept as they are, in the store (0600); everything else is kept as a hash. */
export interface Secrets {
  /** Synchronous; null when there is none of that name. */
  find(name: string): Uint8Array | null;
  /** Errors: `name-malformed`, `store-unavailable`, `disk-full`. */
  put(name: string, secret: Uint8Array): Promise<void>;
  remove(name: string): Promise<boolean>;
  /** In the order of the alphabet. */
  names(): readonly string[];
  close(): void;
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export async function openSecrets(records: Records): Promise<Secrets> {
  const mirror = await Mirror.open<Uint8Array>({ records, prefix: PREFIX, read });
  return {
    find: (name) => (NAME.test(name) ? mirror.get(name) : null),
    put: async (name, secret) => {
      if (!NAME.test(name))
        throw new SallyportError('name-malformed', 'A secret is named with lower-case letters, digits, dot, dash and underscore.');
      await mirror.put(name, Buffer.from(secret).toString('base64'));
    },
    remove: (name) => mirror.delete(name),
    names: () => mirror.names().toSorted(),
    close: () => mirror.close(),
  };
}

function read(value: Json): Uint8Array | null {
  return typeof value === 'string' ? Buffer.from(value, 'base64') : null;
}
