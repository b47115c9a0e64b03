/** The key `relay`: one relay, or several. */

import { z } from 'zod';
import { defaults } from '../../core/limits.ts';
import { readRelay } from './forms.ts';
import { formed } from './pieces.ts';

/** One or several, each once. */
export function relaysSchema() {
  const expected = `HOST or HOST:PORT of a relay, or a list of up to ${defaults.relaysMax}`;
  const relay = formed(readRelay, 'HOST or HOST:PORT of a relay');
  const several = z
    .array(relay, { error: expected })
    .min(1, 'at least one relay')
    .max(defaults.relaysMax, `at most ${defaults.relaysMax} relays`)
    .refine((all) => new Set(all).size === all.length, 'each relay once');
  return z.union([relay, several], { error: expected });
}
