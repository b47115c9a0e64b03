/** What a configuration says of `forward-auth`. */

import { z } from 'zod';
import { isLoopback, parseIp } from '../../../core/address.ts';

const urlExpected = 'an address like https://auth.example.org/api/authz/forward-auth; http:// only on this machine';
const hostExpected = 'a host like auth.example.org, with its port where it is not 443';

export const forwardAuthOptions = z.strictObject(
  {
    url: z
      .string({ error: urlExpected })
      .max(512, urlExpected)
      .refine(isVerifier, urlExpected)
      .describe('What is asked about each request.'),
    redirects: z
      .array(z.string({ error: hostExpected }).regex(/^[a-z0-9.-]{1,253}(?::[1-9]\d{0,4})?$/, hostExpected))
      .min(1, hostExpected)
      .max(16, 'at most 16 hosts')
      .describe('Hosts that visitors may be sent to for signing in; any other Location is refused.'),
    identity: z
      .enum(['remote', 'x-auth-request'], { error: 'remote or x-auth-request' })
      .prefault('remote')
      .describe('Where the answer says who it is: Remote-User, -Groups and -Email (Authelia), or X-Auth-Request-* (oauth2-proxy).'),
    cookies: z
      .boolean({ error: 'true or false' })
      .prefault(false)
      .describe('Whether cookies of an answer that is passed on to the visitor go with it.'),
    ca: z
      .string({ error: 'the path of a file, like /etc/ssl/own-ca.pem' })
      .max(1_024, 'a shorter path')
      .optional()
      .describe('A file of certificates (PEM) that is trusted in place of the list of the system.'),
  },
  { error: 'url and redirects, like { url: https://auth.example.org/api/authz/forward-auth, redirects: [auth.example.org] }' },
);

export type ForwardAuthOptions = z.output<typeof forwardAuthOptions>;

function isVerifier(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  if (url.protocol === 'https:') return true;
  const ip = parseIp(url.hostname.replace(/^\[(.*)\]$/, '$1'));
  return url.protocol === 'http:' && (url.hostname === 'localhost' || (ip !== null && isLoopback(ip)));
}
