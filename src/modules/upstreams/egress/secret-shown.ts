/** What a proxy behind us is shown: `user:password` under the name of a secret, read each time so that a new one holds at once. */

import type { Shown } from '../../../core/egress/asking.ts';
import { SallyportError } from '../../../core/errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Errors: `upstream-unreachable` where the secret is not there, or is none of this kind. */
export function secretShown(name: string | null, secret: (name: string) => Uint8Array | null): Shown {
  if (name === null) return null;
  const text = read(secret(name));
  const colon = text?.indexOf(':') ?? -1;
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (text === null || colon < 1 || /[\u0000-\u001f\u007f]/.test(text))
    throw new SallyportError('upstream-unreachable', `the secret ${name} for the proxy behind is missing, or no USER:PASSWORD`);
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function read(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}
