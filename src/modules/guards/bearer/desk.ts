/** Proves tokens: remembers for a moment what was good, slows down who guesses, asks the issuer about the rest. */

import { createHmac } from 'node:crypto';
import type { Claims, IssuerPlan, TokenFound } from '../../../contracts/issuers.ts';
import type { Tools } from '../../../contracts/tools.ts';
import { householdOf } from '../../../core/address.ts';
import { Attempts, guessRules } from '../../../core/policy/attempts.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { Memo } from '../../../core/policy/memo.ts';
import { ShownToken } from '../../../core/policy/shown-token.ts';
import { hasScopes, isOtherToken, subjectsOf, whoOf, type Who } from './identity.ts';
import { introspect, type Introspect } from './introspection.ts';
import type { BearerOptions } from './options.ts';

export type Proof =
  | Readonly<{ is: 'right'; who: Who }>
  | Readonly<{ is: 'wrong' | 'expired' | 'away'; why: string }>
  | Readonly<{ is: 'wait'; seconds: number }>;

/** What was good, and until when the token itself says so. */
type Good = Readonly<{ who: Who; expires: number }>;

/** One of a gateway, over services and configurations: neither a second service nor a reload gives new guesses. */
const attemptsOf = new WeakMap<Tools['issuers'], Attempts>();

export class Desk {
  readonly #options: BearerOptions;
  readonly #plan: IssuerPlan;
  readonly #tools: Tools;
  readonly #good: Memo<Good>;
  readonly #attempts: Attempts;
  readonly #running = new Map<string, Promise<Proof>>();
  readonly #key: Uint8Array;
  /** By a keyed hash: the time of a look-up tells nothing to who cannot make it, and memory holds no token. */
  readonly #shown = new ShownToken((text: string) => createHmac('sha256', this.#key).update(text).digest('base64'));
  /** What the subjects of this issuer begin with. */
  readonly subjects: string;

  constructor(options: BearerOptions, ca: string | null, tools: Tools) {
    this.#options = options;
    this.#plan = { issuer: options.issuer, keys: options.keys ?? null, ca };
    this.#tools = tools;
    this.#good = new Memo(tools.limits.credentialCacheMax, tools.limits.tokenCacheMs);
    this.#attempts = sharedAttempts(tools);
    this.#key = tools.randomBytes(32);
    this.subjects = subjectsOf(options.issuer);
  }

  /** Synchronous for a token that was good a moment ago. */
  prove(exchange: Exchange, token: string): Proof | Promise<Proof> {
    const { now, limits } = this.#tools;
    if (token.length > limits.tokenCharsMax) return { is: 'wrong', why: `a token of more than ${limits.tokenCharsMax} characters` };
    const key = this.#shown.of(exchange, token);
    const good = this.#good.get(key, now());
    if (good !== undefined && good.expires > now()) return { is: 'right', who: good.who };
    // The same token asked about many times at once is one question.
    const before = this.#running.get(key);
    if (before !== undefined) return before;
    const proof = this.#prove(token, key, householdOf(exchange.from.ip)).finally(() => this.#running.delete(key));
    this.#running.set(key, proof);
    return proof;
  }

  async #prove(token: string, key: string, network: string): Promise<Proof> {
    const found = await this.#look(token, network);
    if (found.is !== 'good') return found;
    const { claims, expires } = found;
    if (isOtherToken(claims)) return { is: 'wrong', why: 'an ID token or a logout token is no access token' };
    if (!hasScopes(claims, this.#options.scopes)) return { is: 'wrong', why: 'the token lacks a scope' };
    const who = whoOf(claims, this.subjects, this.#options.roles);
    if (who === null) return { is: 'wrong', why: 'the token says of nobody that it is theirs' };
    this.#good.set(key, { who, expires }, this.#tools.now());
    return { is: 'right', who };
  }

  /** What has the form of a JWT is verified here; with `introspect` the issuer is asked as well, and about the others alone. */
  async #look(token: string, network: string): Promise<TokenFound | Extract<Proof, { is: 'wait' }>> {
    const { introspect: how, audience } = this.#options;
    const isJwt = token.split('.').length === 3;
    if (how === undefined || isJwt) {
      // RFC 9068, 2.1 wants at+jwt; most issuers say JWT, or nothing. A logout token or a client's assertion is none.
      const rules = { audiences: audience, types: ['at+jwt', 'jwt', ''], required: [] };
      const found = await this.#tools.issuers.verify(token, this.#plan, rules);
      return how === undefined || found.is !== 'good' ? found : this.#ask(token, how);
    }
    if (!/^[\w.~+/-]+=*$/.test(token)) return { is: 'wrong', why: 'a token of a form that there is not' };
    // Anybody can make up such a token, and each is a question to the issuer: guesses are counted before they are made.
    const wait = this.#attempts.take(network, this.#tools.now());
    if (wait > 0) return { is: 'wait', seconds: Math.ceil(wait / 1000) };
    const found = await this.#ask(token, how);
    if (found.is !== 'wrong') this.#attempts.forgive(network, false);
    return found;
  }

  async #ask(token: string, how: Introspect): Promise<TokenFound> {
    const asked = await introspect(token, how, this.#plan, this.#tools);
    if (asked.is === 'away') return asked;
    if (asked.is === 'inactive') return { is: 'wrong', why: 'the issuer does not vouch for the token' };
    return this.#vouched(asked.claims);
  }

  /** RFC 7662, 2.2 makes these claims optional: a token without `aud` could be anybody's, so it is none of ours. */
  #vouched(claims: Claims): TokenFound {
    const { now, limits } = this.#tools;
    const { issuer, audience } = this.#options;
    const { iss, aud, exp, nbf } = claims;
    const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
    if (iss !== undefined && iss !== issuer) return { is: 'wrong', why: 'the claim iss of the token does not fit' };
    if (!audience.some((each) => audiences.includes(each))) return { is: 'wrong', why: 'the claim aud of the token does not fit' };
    if (typeof exp !== 'number' && exp !== undefined) return { is: 'wrong', why: 'the claim exp of the token does not fit' };
    if (nbf !== undefined && !(typeof nbf === 'number' && nbf * 1000 <= now() + limits.tokenSkewMs))
      return { is: 'wrong', why: 'the claim nbf of the token does not fit' };
    const expires = exp === undefined ? now() + limits.tokenCacheMs : exp * 1000 + limits.tokenSkewMs;
    return expires > now() ? { is: 'good', claims, expires } : { is: 'expired', why: 'the token has expired' };
  }
}

function sharedAttempts({ issuers, limits }: Tools): Attempts {
  const before = attemptsOf.get(issuers);
  if (before !== undefined) return before;
  const made = new Attempts(guessRules(limits, limits.guessesPerAddressMax));
  attemptsOf.set(issuers, made);
  return made;
}
