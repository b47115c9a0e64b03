/** What a relay is made of before it listens: who may what, who is here, the carriers' door, engines, and the clock of all deadlines. */

import { randomBytes } from 'node:crypto';
import type { Deadlines } from '../contracts/protocol.ts';
import type { Snapshot } from '../contracts/snapshot.ts';
import { openGrants, type LiveGrants } from '../controlplane/enrolment/grants.ts';
import { startCollectors } from '../dataplane/collectors.ts';
import { CarrierDoor } from '../dataplane/carrier-door.ts';
import { Comers } from '../dataplane/comers.ts';
import { createDeadlines, startDeadlines, steadyNow } from '../dataplane/deadlines.ts';
import { Directory } from '../dataplane/directory.ts';
import { Engine } from '../dataplane/engine.ts';
import { createIds } from '../dataplane/ids.ts';
import { createSplice } from '../dataplane/splice.ts';
import type { RelayOptions } from './options.ts';
import { memoryOfMachine, Overload, watchOverload } from './overload.ts';
import { RelayPorts } from './ports.ts';

export type RelayParts = Readonly<{
  grants: LiveGrants;
  names: Directory;
  comers: Comers;
  ports: RelayPorts;
  door: CarrierDoor;
  deadlines: Deadlines;
  overload: Overload;
  /** An engine for another road of the same relay. */
  engine: (snapshot: Snapshot, transparent?: true) => Engine;
  close: () => Promise<void>;
}>;

/** Error: `store-unavailable`. */
export async function relayParts(options: RelayOptions): Promise<RelayParts> {
  const { identity, domain, limits, now, owner } = options;
  const deadlines = createDeadlines(steadyNow);
  // Filled once there is somebody to review: the grants' first changes come before.
  const reviews: (() => void)[] = [];
  const onChange = (): void => reviews.forEach((review) => review());
  const ownDomains = options.ownDomains === undefined ? undefined : { ...options.ownDomains, chance: Math.random };
  const grants = await openGrants({ store: options.store, domain, owner, now, onChange, limits, ownDomains });
  const comers = new Comers((ip) => grants.barred('', ip) !== null);
  const ports = new RelayPorts({ ...options, own: [...options.listen, ...(options.plain ?? [])] });
  const names = new Directory({ grants, limits, unnamed: owner, ports });
  reviews.push(
    () => names.review(),
    () => comers.review(),
  );
  const onEnd = options.onCarrierEnd ?? (() => undefined);
  const door = new CarrierDoor({ identity, domain, directory: names, enrolment: grants, limits, now, onEnd });
  const overload = new Overload(limits, memoryOfMachine());
  const running = [startDeadlines(deadlines), ...startCollectors(), watchOverload(overload, options.pressure)];
  return {
    grants,
    names,
    comers,
    ports,
    door,
    deadlines,
    overload,
    engine: (snapshot, transparent) => engineOf(options, snapshot, { deadlines, transparent }),
    close: async () => {
      await ports.closeAll();
      for (const one of running) await one.close();
      grants.close();
    },
  };
}

type Road = Readonly<{ deadlines: Deadlines; transparent: true | undefined }>;

function engineOf({ limits, now, audit, onFault }: RelayOptions, snapshot: Snapshot, { deadlines, transparent }: Road): Engine {
  const splice = createSplice({ deadlines });
  const httpDate = (): string => new Date(now()).toUTCString();
  return new Engine({
    snapshot: () => snapshot,
    audit,
    tools: { now, newId: createIds(now, randomBytes), limits, deadlines, splice, httpDate, transparent },
    onFault,
  });
}
