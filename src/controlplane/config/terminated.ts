/** What the owner of a service must know whose TLS a relay may end. */

import type { ServicePlan } from './plan.ts';
import type { Warning } from './presets.ts';

/** Said at every start and every change, as long as it is so. */
export function terminatedWarnings({ name, terminate }: Pick<ServicePlan, 'name' | 'terminate'>): readonly Warning[] {
  if (terminate !== 'relay') return [];
  return [
    {
      code: 'relay-reads',
      message: `The relay may end the TLS of ${name}, and then reads and can change everything: passwords, cookies, pages.`,
      hint: 'Leave out terminate: relay, and it carries bytes that it cannot read.',
    },
  ];
}
