/** How messages between visitor and service are written anew, beyond what every proxy must: made when a configuration is read. */

import type { Pattern } from '../policy/pattern.ts';

/** Names in lower case, folded spellings (`X_Team`) are meant as well. `set` replaces, `add` leaves what is there. */
export type FieldChanges = Readonly<{
  set: readonly (readonly [name: string, value: string])[];
  add: readonly (readonly [name: string, value: string])[];
  remove: readonly string[];
}>;

/** What becomes of the path. `strip` and `replace` are of whole segments, canonical and without a slash at their end. */
export type PathChange = Readonly<{ is: 'prefix'; from: string; to: string }> | Readonly<{ is: 'pattern'; pattern: Pattern; to: string }>;

export type QueryChanges = Readonly<{ set: readonly (readonly [name: string, value: string])[]; remove: readonly string[] }>;

export type Cookies = Readonly<{
  /** Whether a Domain that covers our name stays; else a cookie is for our name alone. */
  domain: 'cut' | 'keep';
  /** For cookies that say nothing of it; null leaves them so. */
  sameSite: 'Strict' | 'Lax' | 'None' | null;
}>;

export type Rewriting = Readonly<{
  request: FieldChanges;
  response: FieldChanges;
  path: PathChange | null;
  query: QueryChanges;
  /** Whether Location, Content-Location, Refresh and Set-Cookie are made right for the outside; null: where Host or path is changed. */
  outside: boolean | null;
  cookies: Cookies;
}>;
