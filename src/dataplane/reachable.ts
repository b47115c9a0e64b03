/** What an exchange is for, and why it reaches nothing, before anybody is asked who they are. */

import type { Service } from '../contracts/snapshot.ts';
import type { Code } from '../core/errors.ts';
import type { Exchange } from '../core/policy/exchange.ts';
import { isReservedRequest } from './reserved.ts';

export const whyNot: Partial<Record<Code, string>> = {
  'route-missing': 'no service has this name',
  'host-misdirected': 'the Host field and the name of the TLS handshake differ',
  'service-closed': 'the service is closed',
  'service-expired': 'the share has expired',
  'relay-unagreed': 'the relay has ended the TLS of a service that does not say terminate: relay',
};

/** A proxy has no pages of its own, and those of others are not ours. */
export function hasForms({ http, listener }: Exchange): boolean {
  return http !== null && listener.proxy === undefined && isReservedRequest(http);
}

/** RFC 9110, 15.5.20; domain fronting: what was asked for in the handshake decided the certificate, so Host must agree. */
export function misdirected(exchange: Exchange): boolean {
  return exchange.sni !== null && exchange.http !== null && exchange.destination === undefined && exchange.sni !== exchange.host;
}

export function unavailable(service: Service | null, { at, listener }: Exchange): Code | null {
  if (service === null) return null;
  if (listener.terminated === true && service.relayTerminates !== true) return 'relay-unagreed';
  if (!service.open) return 'service-closed';
  return service.expires !== null && service.expires <= at ? 'service-expired' : null;
}
