/** `via:` of `destinations:`: the proxy that a proxy asks in turn. */

import { z } from 'zod';
import { formed, oneOf } from './pieces.ts';
import type { ProxyVia } from './proxy-plan.ts';
import { readAuthority } from './via.ts';

const viaExpected = 'a proxy like https://${secret:partner}@proxy.example.org, http://127.0.0.1:3128 or socks5://127.0.0.1:1080';

/** The ports that are meant when none is said. */
const usualPorts = { http: 80, https: 443, socks5: 1080 } as const;

type Written = Pick<ProxyVia, 'is' | 'host' | 'port' | 'secret'>;

function readProxy(text: string): Written | null {
  const [, scheme, secret, authority = ''] =
    /^(https?|socks5h?):\/\/(?:\$\{secret:([a-z0-9][a-z0-9._-]{0,63})\}@)?([^/?#@\s]+)\/?$/.exec(text) ?? [];
  if (scheme === undefined) return null;
  const is = scheme === 'http' || scheme === 'https' ? scheme : 'socks5';
  const at = readAuthority(authority, usualPorts[is]);
  return at === null ? null : { is, ...at, secret: secret ?? null };
}

export function proxyViaKey() {
  const proxy = formed(readProxy, viaExpected);
  const whole = z.strictObject(
    {
      proxy: proxy.describe('The proxy, and the name of the secret that it is shown.'),
      ca: z.string().min(1, 'a PEM file').max(4_096, 'a shorter path').optional().describe('The CA of its certificate: a PEM file.'),
      resolve: oneOf(['there', 'here'])
        .prefault('there')
        .describe(
          'here: names are looked up and judged by their addresses before it is asked. there: it looks them up, and its own lists judge.',
        ),
    },
    { error: viaExpected },
  );
  return z
    .union([proxy.transform((written): ProxyVia => ({ ...written, resolve: 'there' })), whole.transform(asVia)], { error: viaExpected })
    .optional()
    .describe('Another proxy that everything goes out by: one upstream, or one of another gateway. Left out: straight from here.');
}

function asVia({ proxy, ca, resolve }: Readonly<{ proxy: Written; ca?: string | undefined; resolve: 'here' | 'there' }>): ProxyVia {
  return { ...proxy, resolve, ...(ca === undefined ? {} : { ca }) };
}
