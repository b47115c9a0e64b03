/** Whose a name is, when all names are known: those of relays are, once relays are. */

import type { Service } from '../../contracts/snapshot.ts';
import { SallyportError } from '../../core/errors.ts';

/** Nothing would tell two services of one name apart, and visitors would meet the guards of the wrong one. Error: `config-malformed`. */
export function assertNamesApart(services: readonly Pick<Service, 'name' | 'hosts'>[]): void {
  const claimed = new Map<string, string>();
  for (const { name, hosts } of services) {
    for (const host of hosts) {
      const other = claimed.get(host);
      if (other !== undefined)
        throw new SallyportError('config-malformed', `services.${other} and services.${name} would both be reached at ${host}.`, {
          hint: 'A service is reached at its own name below that of a relay, too. Call one of them otherwise, or give it another at:.',
        });
      claimed.set(host, name);
    }
  }
}
