/** Guard `bearer`: lets in who shows an OAuth 2 access token (RFC 6750): a signed JWT (RFC 9068), or one that its issuer vouches for. */

import { defineGuard } from '../../contracts/guard.ts';
import type { Tools } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import { errorReply } from '../../core/pages/error.ts';
import { apiKeyPrefix, credentialsOf, onlyField, twice } from '../../core/policy/credentials.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Verdict } from '../../core/policy/verdict.ts';
import { Desk, type Proof } from './bearer/desk.ts';
import { clientsOf } from './bearer/identity.ts';
import { bearerOptions, type BearerOptions } from './bearer/options.ts';

export const bearer = defineGuard({
  name: 'bearer',
  stage: 'identify',
  options: bearerOptions,
  build(given: BearerOptions, tools) {
    requireSecret(given, tools);
    const desk = new Desk(given, tools.issuers.trust(given.ca), tools);
    return {
      check: (exchange) => check(exchange, desk),
      words: `an access token of ${new URL(given.issuer).host}`,
      knows: (subject) => subject.startsWith(desk.subjects) || subject.startsWith(clientsOf(desk.subjects)),
    };
  },
});

/** Auth that is configured but cannot hold: it refuses to start. */
function requireSecret({ introspect }: BearerOptions, tools: Tools): void {
  if (introspect === undefined || (tools.secret(introspect.secret)?.length ?? 0) > 0) return;
  throw new SallyportError('secret-missing', `The secret ${introspect.secret}, which the issuer is asked with, is not stored.`, {
    hint: `Store it: sallyport secrets add ${introspect.secret} --stdin`,
  });
}

type Shown = Readonly<{ token: string; field: string }>;

function check(exchange: Exchange, desk: Desk): Verdict | Promise<Verdict> {
  if (exchange.http === null) return { is: 'skip' };
  const shown = tokenIn(exchange);
  if (shown === 'twice') return wrong('a field of credentials was sent twice');
  if (shown === null) return { is: 'challenge', code: 'credentials-missing', why: 'no access token was shown', answer: null };
  const proof = desk.prove(exchange, shown.token);
  return proof instanceof Promise ? proof.then((found) => verdict(exchange, found, shown)) : verdict(exchange, proof, shown);
}

/** In a field, never in the query or a body (RFC 9700, 4.3.2): addresses are written down everywhere. */
function tokenIn({ http }: Exchange): Shown | 'twice' | null {
  if (http === null) return null;
  const own = onlyField(http.fields, 'sallyport-authorization');
  const plain = onlyField(http.fields, 'authorization');
  if (own === twice || plain === twice) return 'twice';
  // Where Sallyport-Authorization speaks to us, Authorization speaks to the service.
  const field = own === null ? 'authorization' : 'sallyport-authorization';
  const token = credentialsOf(own ?? plain ?? '', 'bearer');
  return token === null || token.startsWith(apiKeyPrefix) ? null : { token, field };
}

function verdict(exchange: Exchange, proof: Proof, { field }: Shown): Verdict {
  switch (proof.is) {
    case 'right':
      return { is: 'pass', identity: { guard: 'bearer', ...proof.who, by: 'header' }, spent: [field] };
    case 'wrong':
      return wrong(proof.why);
    case 'expired':
      return { is: 'challenge', code: 'credentials-expired', why: proof.why, answer: null };
    case 'away':
      return { is: 'challenge', code: 'issuer-unreachable', why: proof.why, answer: null };
    case 'wait': {
      const answer = errorReply(exchange, 'credentials-throttled', { retryAfterSeconds: proof.seconds });
      return { is: 'challenge', code: 'credentials-throttled', why: 'too many wrong tokens came from there', answer };
    }
    default:
      return proof satisfies never;
  }
}

function wrong(why: string): Verdict {
  return { is: 'challenge', code: 'credentials-wrong', why, answer: null };
}
