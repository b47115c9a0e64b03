/** What holds whoever asks, once it is known who: the firewall, the length of a body, and how often one comes. */

import type { BuiltGuard, Guard, GuardedService } from '../../contracts/guard.ts';
import type { Tools } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import { defaults, type Limits } from '../../core/limits.ts';
import { usualClients, type ClientsPlan } from './clients-keys.ts';
import { hoursCheck } from './hours-check.ts';
import { limitsOf } from './limit-keys.ts';
import { readTerms, type Terms } from './terms.ts';
import type { ServicePlan } from './plan.ts';

export type Holding = Readonly<{ authorize: readonly BuiltGuard[]; meter: readonly BuiltGuard[] }>;

export function buildHolding(
  plan: ServicePlan,
  guards: ReadonlyMap<string, Guard<unknown>>,
  tools: Tools,
  service: GuardedService,
  clients: ClientsPlan = usualClients,
): Holding {
  const build = (name: string, options: unknown): BuiltGuard => {
    const guard = guards.get(name);
    if (guard === undefined) throw new SallyportError('program-failed', `${plan.name} needs the guard ${name}, and there is none.`);
    return guard.build(guard.options.parse(options), tools, service);
  };
  const { is: kind } = plan.behind;
  // What is no HTTP has no paths that scanners ask for, and no bodies.
  const isHttp = kind !== 'tls' && kind !== 'tcp' && kind !== 'port' && kind !== 'egress';
  const { bodyBytesMax } = limitsOf(tools.limits, plan.limits);
  const requests = plan.limits?.requests ?? null;
  const protocol = plan.packs?.protocol ?? 'off';
  const terms = termsOf(plan, clients, tools.limits);
  return {
    authorize: [
      hoursCheck(tools),
      ...(isHttp && plan.firewall !== 'off' && protocol === 'off' ? [build('firewall', plan.firewall)] : []),
      ...(isHttp && protocol !== 'off' ? [build('firewall', { paths: plan.firewall, protocol })] : []),
      ...(kind === 'egress' ? [build('client', { terms, agreed: clients.agreed, only: clients.only })] : []),
      // Behind it: who is suspended hears that, whatever they ask for.
      ...(kind === 'egress' && protocol !== 'off' ? [build('firewall', { paths: 'off', protocol })] : []),
      ...(isHttp && bodyBytesMax !== defaults.bodyBytesMax ? [build('size', bodyBytesMax)] : []),
    ],
    meter: [
      ...(requests === null ? [] : [build('rate', requests)]),
      // The last: whoever is refused by another holds nothing.
      ...(kind === 'egress' ? [build('quota', { bandwidth: clients.bandwidth, zone: clients.zone })] : []),
    ],
  };
}

/** Errors: `config-malformed` where nobody could accept them. */
function termsOf({ name, behind }: ServicePlan, { terms }: ClientsPlan, { errorPageBytesMax }: Limits): Terms | null {
  if (behind.is !== 'egress' || terms === null) return null;
  if (!behind.door.hide && behind.door.http) return readTerms(terms, errorPageBytesMax);
  throw new SallyportError('config-malformed', `services.${name} shows no pages, so its clients could not accept the terms.`, {
    hint: 'Leave out hide, and let it speak HTTP; or leave out clients: { terms }.',
  });
}
