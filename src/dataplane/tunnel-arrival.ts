/** What a relay says of a visitor, believed or not. */

import { parseIp } from '../core/address.ts';
import { canonicalHost } from '../core/http/host.ts';
import { readPortName } from '../core/port-name.ts';
import type { Opening } from '../core/mux/opening.ts';
import type { Stream } from '../contracts/stream.ts';
import type { TunnelArrival } from '../contracts/tunnel.ts';

/** Null when an address or a name is not in its one spelling: the relay may be hostile. */
export function arrivalOf(stream: Stream, opening: Opening): TunnelArrival | null {
  const ip = parseIp(opening.ip);
  const { sni } = opening;
  const port = sni === null ? null : readPortName(sni);
  const { terminated } = opening;
  // Whose TLS was ended asked for a name, and for no port.
  if (terminated === true && (sni === null || port !== null)) return null;
  if (ip === null || (port === null ? sni !== null && canonicalHost(sni) !== sni : port.port !== opening.listenerPort)) return null;
  return {
    stream,
    id: opening.id,
    from: { ip: ip.text, port: opening.visitorPort },
    port: opening.listenerPort,
    sni,
    alpn: opening.alpn,
    ...(terminated === true ? { terminated } : {}),
  };
}
