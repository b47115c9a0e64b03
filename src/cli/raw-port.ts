/** Shares at a port of the relay's own: what their flags may say. */

import { SallyportError } from '../core/errors.ts';
import { readPort } from '../controlplane/config/forms.ts';
import type { AccessRequest } from './share-request.ts';
import { checkedNetworks } from './share-request.ts';

/** `--port 2222`. Error: `port-malformed`. */
export function checkedRelayPort(text: string): number {
  const port = readPort(text);
  if (port !== null) return port;
  throw new SallyportError('port-malformed', `--port ${JSON.stringify(text)} is no port.`, {
    hint: 'A port from 1 to 65535 that the relay granted to this gateway: relay invite NAME --ports 2222-2230.',
  });
}

export type RawAccess = Readonly<{
  public?: boolean | undefined;
  allow?: readonly string[] | undefined;
  /** What cannot be asked for here. */
  password?: readonly string[] | undefined;
  link?: boolean | undefined;
  key?: readonly string[] | undefined;
  lan?: boolean | undefined;
  at?: string | undefined;
}>;

/** Nothing is read on a raw port: nobody can be asked, and nothing is open to everyone unless somebody said so. Error: `usage-wrong`. */
export function rawPortAccess(options: RawAccess, transport: 'tcp' | 'udp'): AccessRequest {
  const isPublic = options.public === true;
  const allow = checkedNetworks(options.allow ?? []);
  const asks = options.link === true || [...(options.password ?? []), ...(options.key ?? [])].length > 0;
  const instead = transport === 'tcp' ? ' Or leave out --port: visitors come by `sallyport connect`, with a link or a password.' : '';
  if (options.lan === true)
    throw new SallyportError('usage-wrong', '--port is a port of the relay; --lan goes without one.', { hint: 'Say one of both.' });
  if (options.at !== undefined)
    throw new SallyportError('usage-wrong', 'A raw port has no name: --at cannot be said beside --port.', { hint: 'Leave out --at.' });
  if (asks || (!isPublic && allow.length === 0))
    throw new SallyportError('usage-wrong', 'Nobody can be asked for a link or a password on a raw port: nothing there is read.', {
      hint: `Say --public if everyone who reaches the port may reach the service, or --allow 192.0.2.0/24.${instead}`,
    });
  return { isPublic, link: false, users: [], keys: [], allow, webhook: null };
}
