/** The lines of an htpasswd file: a name and a hash each, read strictly. */

import { userName } from '../../../core/policy/credentials.ts';
import { passwordForm } from '../../../core/policy/password-form.ts';

/** A name with its hash, in the order of the file. */
export type HtpasswdLine = Readonly<{ name: string; hash: string }>;

export type HtpasswdFile = Readonly<{ ok: true; lines: readonly HtpasswdLine[] }> | Readonly<{ ok: false; line: number; why: string }>;

/** One wrong line makes the whole file wrong: what of it was meant, nobody knows. `why` holds nothing of a hash. */
export function readHtpasswd(text: string, usersMax: number): HtpasswdFile {
  const lines: HtpasswdLine[] = [];
  const names = new Set<string>();
  for (const [at, raw] of text.split('\n').entries()) {
    const line = at + 1;
    const wrong = (why: string): HtpasswdFile => ({ ok: false, line, why });
    const whole = raw.replace(/\r$/, '');
    if (/^[ \t]*(?:#|$)/.test(whole)) continue;
    const colon = whole.indexOf(':');
    if (colon === -1) return wrong('has no colon between a name and a hash');
    const name = userName(whole.slice(0, colon));
    if (name === null) return wrong('has a name that is none: up to 64 letters, digits and . _ -');
    // Apache takes the first, others the last; and Ana is ana here.
    if (names.has(name)) return wrong(`names ${name} a second time`);
    const hash = whole.slice(colon + 1);
    const found = passwordForm(hash);
    if (!found.ok) return wrong(`${name} ${found.why}`);
    if (lines.length >= usersMax) return wrong(`there are more than ${usersMax} users`);
    names.add(name);
    lines.push({ name, hash });
  }
  return lines.length === 0 ? { ok: false, line: 1, why: 'there is no user in it' } : { ok: true, lines };
}
