/** What the face of a gateway offers to a stranger, at each name. */

import type { Service } from '../../contracts/snapshot.ts';
import type { Offers } from '../../core/pages/face.ts';

type Offering = Pick<Service, 'hosts' | 'forms' | 'asksPassword'>;

/** Ways in that are offered at the names alone that have them, and the form where each begins. */
const ways = {
  account: '/.sallyport/oidc',
  passkey: '/.sallyport/withpasskey',
  totp: '/.sallyport/withcode',
  pin: '/.sallyport/pin',
  email: '/.sallyport/email',
} as const;

type Way = keyof typeof ways;

/** A password is asked for everywhere or nowhere; other ways only at the names of their services, whichever of them has it. */
export function offersAt(services: readonly Offering[]): (host: string) => Offers {
  const password = services.some(({ asksPassword }) => asksPassword);
  const byHost = new Map<string, Set<Way>>();
  /** Without names of its own a service answers to every name. */
  const everywhere = new Set<Way>();
  for (const { hosts, forms } of services) {
    for (const way of ['account', 'passkey', 'totp', 'pin', 'email'] as const) {
      if (!forms.some(({ path }) => path === ways[way])) continue;
      if (hosts.length === 0) everywhere.add(way);
      for (const host of hosts) byHost.set(host, (byHost.get(host) ?? new Set()).add(way));
    }
  }
  const offersOf = (own: ReadonlySet<Way>): Offers => ({
    password,
    account: own.has('account'),
    passkey: own.has('passkey'),
    totp: own.has('totp'),
    pin: own.has('pin'),
    email: own.has('email'),
  });
  const usual = offersOf(everywhere);
  const special = new Map([...byHost].map(([host, own]) => [host, offersOf(new Set([...own, ...everywhere]))]));
  return (host) => special.get(host) ?? usual;
}
