/** Exchanges for tests, as the reader would make them. */

import { fieldOf } from '../../src/core/http/fields.ts';
import { canonicalPath } from '../../src/core/http/path.ts';
import type { Exchange } from '../../src/core/policy/exchange.ts';
import type { GatherBody } from '../../src/core/policy/verdict.ts';

export type Asked = Readonly<{
  method?: string;
  target?: string;
  host?: string;
  port?: number | null;
  scheme?: 'http' | 'https';
  via?: 'direct' | 'relay';
  from?: string;
  at?: number;
  /** Name and value, in order; a name may come twice. */
  fields?: readonly (readonly [name: string, value: string])[];
  upgrade?: 'websocket' | null;
  identity?: Exchange['identity'];
}>;

export function exchangeOf(asked: Asked = {}): Exchange {
  const {
    method = 'GET',
    target = '/',
    host = 'blog.example.test',
    port = null,
    scheme = 'https',
    via = 'direct',
    from = '192.0.2.7',
    fields = [],
  } = asked;
  return {
    id: '01JD0000000000000000000000',
    at: asked.at ?? 1_000_000,
    listener: { name: `${scheme}://test`, scheme, port: port ?? 443, via, loopback: false },
    from: { ip: from, port: 40_000 },
    host,
    sni: scheme === 'https' ? host : null,
    http: {
      method,
      target,
      path: target.startsWith('/') ? canonicalPath(target) : null,
      minor: 1,
      fields: fields.map(([name, value]) => fieldOf(name, value)),
      authority: { host, port },
      framing: { is: 'none' },
      persistent: true,
      expectsContinue: false,
      upgrade: asked.upgrade ?? null,
    },
    identity: asked.identity ?? null,
  };
}

/** What a browser sends when somebody types an address. */
export const navigation: readonly (readonly [string, string])[] = [
  ['Accept', 'text/html,application/xhtml+xml,*/*;q=0.8'],
  ['Sec-Fetch-Site', 'none'],
  ['Sec-Fetch-Mode', 'navigate'],
  ['Sec-Fetch-Dest', 'document'],
];

/** A connection that is not HTTP. */
export function rawExchange(): Exchange {
  return { ...exchangeOf(), http: null, listener: { ...exchangeOf().listener, scheme: 'tls' } };
}

export const noBody: GatherBody = () => Promise.reject(new Error('nobody may read this body'));

export function bodyOf(text: string): GatherBody {
  const bytes = new TextEncoder().encode(text);
  return async (bytesMax) => (bytes.length > bytesMax ? null : bytes);
}

export function basicOf(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
}
