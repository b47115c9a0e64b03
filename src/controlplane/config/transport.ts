/** What is decided by how a request came: what a CA is told over plain HTTP, and when a browser is told to insist on HTTPS. */

import type { ChallengeAnswers } from '../../contracts/certificate.ts';
import type { Service } from '../../contracts/snapshot.ts';
import type { Reply } from '../../core/http/reply.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Route } from '../../core/policy/route.ts';
import type { Config } from './plan.ts';
import { replyRoute } from './redirect.ts';
import { usualTls } from './tls-keys.ts';

/** What is known of certificates at this moment. */
export type CertificateWorld = Readonly<{
  /** Whether every browser takes what is shown for a name. */
  isPublic: (host: string) => boolean;
  /** What a CA that asks is told; null where nothing is ordered. */
  challenges: Pick<ChallengeAnswers, 'http'> | null;
}>;

/** A year: what browsers ask of names that they are to know beforehand. */
const insistS = 31_536_000;

/**
 * The value of Strict-Transport-Security (RFC 6797) for the answer to an exchange, or null. A name is bound for all of its ports
 * and for a year. So it is said only where plain HTTP is never served, on the port that an address means which names none, and
 * with a certificate that every browser takes: with another one nobody could go on who was warned.
 */
export function strictTransportOf(
  { network, tls = usualTls }: Config,
  certificates: CertificateWorld | undefined,
): ((exchange: Exchange) => string | null) | null {
  if (certificates === undefined || network !== 'hostile' || tls.hsts === 'off') return null;
  const value = `max-age=${insistS}${tls.hsts === 'subdomains' ? '; includeSubDomains' : ''}`;
  return ({ listener, host, sni, http }) => {
    if (listener.scheme !== 'https' || listener.port !== 443 || http === null || sni !== host) return null;
    return (http.authority.port ?? 443) === 443 && certificates.isPublic(host) ? value : null;
  };
}

/** RFC 8555, 8.3. */
const challengePath = '/.well-known/acme-challenge/';

/**
 * The route of a CA that asks for a token of ours over plain HTTP, whatever the network: nothing else may stand before it. Null
 * for everybody else, and for tokens that are not ours: they go the way of every request, and a service may answer them itself.
 */
export function challengeRoute(certificates: CertificateWorld | undefined): ((exchange: Exchange) => Route<Service> | null) | null {
  const challenges = certificates?.challenges ?? null;
  if (challenges === null) return null;
  return ({ listener, host, http }) => {
    if (listener.scheme !== 'http' || http === null || (http.method !== 'GET' && http.method !== 'HEAD')) return null;
    if (!http.target.startsWith(challengePath)) return null;
    const answer = challenges.http(host, http.target.slice(challengePath.length));
    return answer === null ? null : replyRoute('acme-challenge', () => tokenReply(answer));
  };
}

function tokenReply(body: string): Reply {
  return {
    status: 200,
    fields: [
      ['Content-Type', 'application/octet-stream'],
      ['X-Content-Type-Options', 'nosniff'],
      ['Cache-Control', 'no-store'],
    ],
    body,
  };
}
