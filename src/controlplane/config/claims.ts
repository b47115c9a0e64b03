/** Whose a name is, when all names are known: those of relays are, once relays are. */

import { SallyportError } from '../../core/errors.ts';
import { pathsAt, type Placed } from './router.ts';

/** Nothing would tell two services of one place apart, and visitors would meet the guards of the wrong one. Error: `config-malformed`. */
export function assertNamesApart(all: readonly Pick<Placed, 'service' | 'places'>[]): void {
  const claimed = new Map<string, string>();
  const places = all.flatMap(({ service: { name, hosts }, places: said }) =>
    hosts.flatMap((host) => pathsAt(said, host).map((path) => ({ name, place: host + path }))),
  );
  for (const { name, place } of places) {
    const other = claimed.get(place);
    if (other !== undefined)
      throw new SallyportError('config-malformed', `services.${other} and services.${name} would both be reached at ${place}.`, {
        hint: 'A service is reached at its own name below that of a relay, too. Call one of them otherwise, or give it another at:.',
      });
    claimed.set(place, name);
  }
}
