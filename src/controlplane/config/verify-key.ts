/** The key that says whom we take for a service that is asked over TLS. */

import { z } from 'zod';

/** How the certificate of a service is judged: by a CA's file, by its own SHA-256, or not at all. */
export type Verify = Readonly<{ is: 'ca'; file: string }> | Readonly<{ is: 'pin'; sha256: string }> | Readonly<{ is: 'insecure' }>;

const expected = 'a PEM file of the CA, sha256: and 64 hex digits, or insecure';

export function verifyKey() {
  return z
    .string({ error: expected })
    .min(1, expected)
    .max(4_096, 'a shorter path')
    .transform((text, context): Verify => {
      if (text === 'insecure') return { is: 'insecure' };
      if (!text.toLowerCase().startsWith('sha256:')) return { is: 'ca', file: text };
      const sha256 = text.slice(7).replaceAll(':', '').toLowerCase();
      if (/^[0-9a-f]{64}$/.test(sha256)) return { is: 'pin', sha256 };
      context.issues.push({ code: 'custom', message: expected, input: text });
      return z.NEVER;
    })
    .optional()
    .describe(
      'For https:// and h2:// services: the CA that signed its certificate (a PEM file), sha256:HEX of the certificate itself, or insecure. Left out: what this machine trusts.',
    );
}

/** @param absolute makes a path of the file absolute, seen from the file's own folder */
export function settleVerify(verify: Verify | undefined, absolute: (path: string) => string): { verify?: Verify } {
  if (verify === undefined) return {};
  return { verify: verify.is === 'ca' ? { is: 'ca', file: absolute(verify.file) } : verify };
}

type Led = Readonly<{ is: string; speaks?: string }>;
type Said = Readonly<{
  verify?: Verify | undefined;
  proxy?: 'v1' | 'v2' | undefined;
  to?: Led | undefined;
  routes?: readonly Readonly<{ to: Led | null }>[] | undefined;
}>;

/** What cannot be kept: nobody shows a certificate in the clear, and a connection that many share begins with no visitor's address. */
export function verifyProblems({ verify, proxy, to, routes }: Said): readonly Readonly<{ key: string; sentence: string }>[] {
  const spoken = [to, ...(routes ?? []).map((route) => route.to)].map((led) => led?.speaks);
  const problems: Readonly<{ key: string; sentence: string }>[] = [];
  if (verify !== undefined && !spoken.some((each) => each === 'https' || each === 'h2'))
    problems.push({ key: 'verify', sentence: 'found it without TLS to the service, expected it beside to: https:// or h2://' });
  if (proxy !== undefined && spoken.some((each) => each === 'h2c' || each === 'h2'))
    problems.push({
      key: 'proxy',
      sentence: 'found it beside HTTP/2 to the service, where visitors share a connection; expected http:// or https://',
    });
  return problems;
}
