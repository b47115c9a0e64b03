/** What other commands of the home may ask of a running gateway. */

import type { ControlVerbs } from '../controlplane/api/verbs.ts';
import type { AcmeDesk } from '../controlplane/acme/desk.ts';
import type { RunningGateway } from '../controlplane/config/running.ts';

export function controlVerbs(gateway: RunningGateway, acme: AcmeDesk, verbs: ControlVerbs): ControlVerbs {
  return {
    ...verbs,
    status: () => gateway.status(),
    open: async ({ service }) => (await gateway.open(service), null),
    close: async ({ service, maintenance }) => (await gateway.close(service, maintenance), null),
    explain: (question) => ('destination' in question ? gateway.explain(question) : gateway.explain(question)),
    // An order may take minutes: what comes of it is in the store, and said by the gateway.
    renew: ({ name }) => {
      acme.begin(name);
      return null;
    },
  };
}
