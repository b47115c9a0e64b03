/** A file that tells browsers which places they ask a proxy for (PAC): what `FindProxyForURL` answers for a URL. */

import { authorityText } from '../http/host.ts';
import { fieldValue } from '../http/fields.ts';
import type { Reply } from '../http/reply.ts';
import type { Exchange } from '../policy/exchange.ts';

/** On the proxy's own page: never forwarded, like all of that space. */
export const pacPath = '/.sallyport/proxy.pac';

/** Whether this exchange asks for the file. */
export function asksForPac({ http, listener, destination }: Exchange): boolean {
  if (http === null || destination !== undefined || listener.proxy?.http !== true || listener.proxy.hide) return false;
  return (http.method === 'GET' || http.method === 'HEAD') && http.path?.clear === true && http.path.text === pacPath;
}

/** Whoever shows nothing gets the file that says nothing: everything public by this proxy. Null for everybody else. */
export function openPac(exchange: Exchange): Reply | null {
  if (!asksForPac(exchange) || exchange.http === null) return null;
  return fieldValue(exchange.http.fields, 'authorization') === undefined ? pacReply(exchange, null) : null;
}

/** @param hosts patterns like `*.example.org`, all others are reached without the proxy; null for everything public */
export function pacReply({ http, listener }: Exchange, hosts: readonly string[] | null): Reply {
  const asked = http?.authority ?? { host: '', port: null };
  const port = asked.port ?? (listener.scheme === 'http' ? 80 : 443);
  const way = `${listener.scheme === 'http' ? 'PROXY' : 'HTTPS'} ${authorityText({ host: asked.host, port })}`;
  return {
    status: 200,
    fields: [
      ['Content-Type', 'application/x-ns-proxy-autoconfig'],
      ['Cache-Control', 'private, max-age=300'],
    ],
    body: pacText(way, asked.host, hosts),
  };
}

/** No way beside the proxy's for what is its: a browser that went past it would show what it asks for to somebody else. */
export function pacText(way: string, own: string, hosts: readonly string[] | null): string {
  const all = hosts === null || hosts.includes('*');
  // Every value is written as JSON, so that no host is anything but text.
  return `function FindProxyForURL(url, host) {
  host = host.toLowerCase();
  var own = ${JSON.stringify(own.replace(/^\[(.*)\]$/, '$1'))};
  if (host === own || host === "localhost" || isPlainHostName(host) || /\\.(localhost|local|internal|lan|home\\.arpa)$/.test(host)) return "DIRECT";
  if (/^(10|127|192\\.168|169\\.254|172\\.(1[6-9]|2[0-9]|3[01]))(\\.[0-9]+)+$/.test(host) || /^(::1$|f[cd]|fe80:)/.test(host.indexOf(":") < 0 ? "" : host)) return "DIRECT";
  var hosts = ${JSON.stringify(all ? ['*'] : hosts)};
  for (var at = 0; at < hosts.length; at++) if (shExpMatch(host, hosts[at])) return ${JSON.stringify(way)};
  return "DIRECT";
}
`;
}
