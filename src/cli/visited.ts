/** Addresses as a visitor types them: what to connect to, and where to listen for it. */

import { isLoopbackHost } from '../controlplane/config/presets.ts';
import { readHostName, readPort } from '../controlplane/config/forms.ts';
import { SallyportError } from '../core/errors.ts';

/** `host` canonical, an IPv6 address in brackets. */
export type Visited = Readonly<{ host: string; port: number }>;

/** `NAME`, `NAME:PORT` or the address of a share as it is shown. Errors: `usage-wrong`, also for a link: its secret is not for the command line. */
export function placeToVisit(text: string): Visited {
  if (text.includes('/.sallyport/')) {
    throw new SallyportError('usage-wrong', 'A secret link does not belong on the command line: others on this machine can read it.', {
      hint: 'Name the address alone; the link is asked for, or read from SALLYPORT_LINK.',
    });
  }
  const found = split(text.replace(/^(?:https|tcp):\/\//, '').replace(/\/$/, ''), 443);
  if (found !== null) return found;
  throw new SallyportError('usage-wrong', `${JSON.stringify(text)} is no address to connect to.`, {
    hint: 'For example: sallyport connect ssh.example.org, or NAME:PORT',
  });
}

/** `127.0.0.1:PORT`, or a port. Errors: `usage-wrong`; whoever reaches this port uses its person's credential, so it is for this machine alone. */
export function localAddress(text: string): Readonly<{ host: string; port: number }> {
  const found = split(/^\d+$/.test(text) ? `127.0.0.1:${text}` : text, null);
  if (found !== null && isLoopbackHost(found.host.replace(/^\[(.*)\]$/, '$1')))
    return { host: found.host.replace(/^\[(.*)\]$/, '$1'), port: found.port };
  throw new SallyportError('usage-wrong', `--listen ${JSON.stringify(text)} is no address of this machine alone.`, {
    hint: 'Whoever reaches it comes in with your credential: --listen 127.0.0.1:2222',
  });
}

function split(text: string, usual: number | null): Visited | null {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+)(?::(\d{1,5}))?$/.exec(text);
  const host = readHostName(match?.[1] ?? '');
  const port = match?.[2] === undefined ? usual : readPort(match[2], usual === null ? 0 : 1);
  return host === null || port === null ? null : { host, port };
}
