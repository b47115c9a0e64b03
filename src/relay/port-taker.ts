/** Who comes to a port of a gateway's has said by that whom they want: nothing is read. */

import type { Comers } from '../dataplane/comers.ts';
import type { Engine } from '../dataplane/engine.ts';
import { raw } from '../modules/protocols/raw.ts';
import type { Overload } from './overload.ts';
import type { PortTaker } from './ports.ts';
import type { Visitors } from './visitors.ts';

export type PortTaking = Readonly<{ comers: Comers; visitors: Visitors; overload: Overload; domain: string }>;

export function portTaker(engine: Engine, { comers, visitors, overload, domain }: PortTaking): PortTaker {
  return (stream, from, { transport, port }) => {
    if (!comers.admits(stream, from.ip)) return;
    // There is no word that every protocol knows for "later".
    if (overload.why !== null) return void stream.destroy();
    const listener = { name: `relay:${domain}`, scheme: transport, port, via: 'direct', loopback: false } as const;
    visitors.come(stream);
    visitors.heard(stream);
    void engine.take({ stream, from, sni: null, listener }, raw).then(() => visitors.gone(stream));
  };
}
