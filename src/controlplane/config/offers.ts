/** What the face of a gateway offers to a stranger, at each name. */

import type { Service } from '../../contracts/snapshot.ts';
import type { Offers } from '../../core/pages/face.ts';

type Offering = Pick<Service, 'hosts' | 'forms' | 'asksPassword'>;

/** A password is asked for everywhere or nowhere; an account only where its provider knows the name, whichever service has it. */
export function offersAt(services: readonly Offering[]): (host: string) => Offers {
  const password = services.some(({ asksPassword }) => asksPassword);
  const accounts = services.filter(({ forms }) => forms.some(({ path }) => path === '/.sallyport/oidc'));
  const hosts = new Set(accounts.flatMap((service) => service.hosts));
  // Without names of its own a service answers to every name.
  const everywhere = accounts.some((service) => service.hosts.length === 0);
  const [both, alone] = [
    { password, account: true },
    { password, account: false },
  ];
  return (host) => (everywhere || hosts.has(host) ? both : alone);
}
