/** What a relay says of a visitor, believed or not. */

import { parseIp } from '../core/address.ts';
import { canonicalHost } from '../core/http/host.ts';
import type { Opening } from '../core/mux/opening.ts';
import type { Stream } from '../contracts/stream.ts';
import type { TunnelArrival } from '../contracts/tunnel.ts';

/** Null when an address or a name is not in its one spelling: the relay may be hostile. */
export function arrivalOf(stream: Stream, opening: Opening): TunnelArrival | null {
  const ip = parseIp(opening.ip);
  if (ip === null || (opening.sni !== null && canonicalHost(opening.sni) !== opening.sni)) return null;
  return {
    stream,
    id: opening.id,
    from: { ip: ip.text, port: opening.visitorPort },
    port: opening.listenerPort,
    sni: opening.sni,
    alpn: opening.alpn,
  };
}
