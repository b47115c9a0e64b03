/** Guesses at passwords and codes, slowed down alike by whoever guesses; browsers that are known have a count of their own. */

import type { Store } from '../../../contracts/store.ts';
import type { Guesses } from '../../../contracts/logins.ts';
import { householdOf } from '../../../core/address.ts';
import { Counts } from './counts.ts';
import { Devices, type DeviceTools } from './devices.ts';

export type GuessTools = Omit<DeviceTools, 'store'> & Readonly<{ store: Store; now: () => number }>;

export function openGuesses({ store, now, randomBytes, limits }: GuessTools): Guesses & Readonly<{ close: () => void }> {
  const counts = new Counts(limits);
  const devices = new Devices({ store, randomBytes, limits });
  // Said by `sallyport users unlock`, to every gateway of the store.
  const unlocked = store.bus.subscribe('users.unlock', (name) => void (typeof name === 'string' && counts.unlock(name)));
  return {
    take: async (exchange, { name, revision }, second = false) => {
      const device = await devices.known(exchange, name, revision);
      return counts.take({ name, network: householdOf(exchange.from.ip), device, second }, now());
    },
    mark: (exchange, { name, revision }) => devices.mark(exchange, name, revision),
    close: () => unlocked.close(),
  };
}
