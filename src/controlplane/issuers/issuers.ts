/** Issuers of tokens: their metadata and keys, fetched and kept, and the check of a signed token (RFC 7519, 8725). */

import type { createLocalJWKSet } from 'jose';
import { z } from 'zod';
import type { Issuers, IssuerMetadata, IssuerPlan, TokenFound, TokenRules } from '../../contracts/issuers.ts';
import type { Outgoing } from '../../contracts/outgoing.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { httpsUrl } from '../outgoing/https.ts';
import { Kept, type KeptRules } from '../../core/policy/kept.ts';
import { readTrust } from './trust.ts';

/**
 * Signatures by a private key alone: `none` is no signature, and an HMAC could be made by whoever has read the public key
 * (RFC 8725, 3.1 and 3.2).
 */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];

/** Members of a header by which a token would say where its own key is, or what must be understood (RFC 7515, 4.1). */
const refused = ['jku', 'x5u', 'jwk', 'x5c', 'crit', 'b64', 'zip', 'enc'];

/** Loaded when a token comes: most gateways take none. */
type Jose = typeof import('jose');
type KeySet = ReturnType<typeof createLocalJWKSet>;
type Known = Readonly<{ metadata: Kept<IssuerMetadata>; keys: Kept<KeySet> }>;

export type IssuersOptions = Readonly<{ outgoing: Outgoing; now: () => number; limits: Limits }>;

export function createIssuers(options: IssuersOptions): Issuers {
  const known = new Map<string, Known>();
  const of = (plan: IssuerPlan): Known => {
    const name = JSON.stringify([plan.issuer, plan.keys, plan.ca]);
    const before = known.get(name);
    if (before !== undefined) return before;
    // Configurations name them, never a visitor; those of old configurations go first.
    const [oldest] = known.keys();
    if (known.size >= options.limits.issuersMax && oldest !== undefined) known.delete(oldest);
    const made = knownOf(plan, options);
    known.set(name, made);
    return made;
  };
  return {
    trust: readTrust,
    metadata: (plan) => of(plan).metadata.get(),
    verify: (token, plan, rules) => verify(token, of(plan).keys, { plan, rules, options }),
  };
}

function knownOf(plan: IssuerPlan, { outgoing, now, limits }: IssuersOptions): Known {
  const rules: KeptRules = { now, freshMs: limits.issuerFreshMs, staleMs: limits.issuerStaleMs, retryMs: limits.issuerRetryMs };
  const read = async (url: string): Promise<unknown> => {
    const { status, body } = await outgoing.ask({ method: 'GET', url, fields: { Accept: 'application/json' }, body: null, ca: plan.ca });
    if (status !== 200) throw new SallyportError('issuer-unreachable', `${url} answers with ${status}.`);
    return JSON.parse(body);
  };
  const metadata = new Kept(() => readMetadata(plan, read), rules);
  const keys = new Kept(async () => {
    const url = plan.keys ?? (await metadata.get())?.keys ?? null;
    if (url === null) throw new SallyportError('issuer-unreachable', `${plan.issuer} does not say where its keys are.`);
    return keySet(await read(url), limits.issuerKeysMax, await import('jose'));
  }, rules);
  return { metadata, keys };
}

const metadataSchema = z.looseObject({
  issuer: z.string(),
  jwks_uri: z.string().optional(),
  introspection_endpoint: z.string().optional(),
});

/** OpenID Connect Discovery 1.0, 4; where there is none, RFC 8414, 3.1. It must be about the issuer that was asked for. */
async function readMetadata({ issuer }: IssuerPlan, read: (url: string) => Promise<unknown>): Promise<IssuerMetadata> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const found = await read(`${origin}${path}/.well-known/openid-configuration`).catch(() =>
    read(`${origin}/.well-known/oauth-authorization-server${path}`),
  );
  const said = metadataSchema.parse(found);
  if (said.issuer !== issuer) throw new SallyportError('issuer-unreachable', `${issuer} calls itself something else.`);
  return { keys: httpsOnly(said.jwks_uri), introspection: httpsOnly(said.introspection_endpoint) };
}

function httpsOnly(text: string | undefined): string | null {
  return text === undefined ? null : (httpsUrl(text)?.href ?? null);
}

const keysSchema = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) });

/** Public keys alone: a shared one in a public list is a mistake of the issuer, and no key. */
function keySet(said: unknown, keysMax: number, jose: Jose): KeySet {
  const { keys } = keysSchema.parse(said);
  const usable = keys.filter(({ kty, use }) => ['RSA', 'EC', 'OKP'].includes(kty) && (use === undefined || use === 'sig'));
  if (usable.length === 0 || keys.length > keysMax)
    throw new SallyportError('issuer-unreachable', `An issuer must have between 1 and ${keysMax} public keys.`);
  return jose.createLocalJWKSet({ keys: usable });
}

type Asked = Readonly<{ plan: IssuerPlan; rules: TokenRules; options: IssuersOptions }>;

async function verify(token: string, keys: Kept<KeySet>, asked: Asked): Promise<TokenFound> {
  const { tokenCharsMax } = asked.options.limits;
  if (token.length > tokenCharsMax) return wrong(`a token of more than ${tokenCharsMax} characters`);
  const jose = await import('jose');
  const fault = headerFault(token, asked.rules.types, jose);
  if (fault !== null) return wrong(fault);
  const set = await keys.get();
  if (set === null) return { is: 'away', why: 'the keys of the issuer cannot be had' };
  const found = await verifyBy(token, set, asked);
  if (found !== 'unknown-key') return found;
  // Issuers change their keys: a name that nobody knows is a reason to look, once in a while.
  const next = await keys.get(set);
  const again = next === null || next === set ? 'unknown-key' : await verifyBy(token, next, asked);
  return again === 'unknown-key' ? wrong('no key of the issuer fits the token') : again;
}

/** Before any key is touched. `kid` is a text to compare with, never a path or a query. */
function headerFault(token: string, types: readonly string[], jose: Jose): string | null {
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return 'a token that is no signed JWT';
  let header: Readonly<Record<string, unknown>>;
  try {
    header = { ...jose.decodeProtectedHeader(token) };
  } catch {
    return 'a token whose header is no JSON';
  }
  if (typeof header['alg'] !== 'string' || !algorithms.includes(header['alg'])) return 'a token by an algorithm that is not taken';
  const known = refused.find((name) => Object.hasOwn(header, name));
  if (known !== undefined) return `a token whose header has ${known}`;
  const { kid, typ = '' } = header;
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > 256)) return 'a token whose kid is no short text';
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : null;
  return type !== null && types.includes(type) ? null : 'a token of another type';
}

async function verifyBy(token: string, set: KeySet, { plan, rules, options }: Asked): Promise<TokenFound | 'unknown-key'> {
  const { errors, jwtVerify } = await import('jose');
  try {
    const { payload } = await jwtVerify(token, set, {
      algorithms,
      issuer: plan.issuer,
      audience: [...rules.audiences],
      clockTolerance: options.limits.tokenSkewMs / 1000,
      currentDate: new Date(options.now()),
      requiredClaims: ['iss', 'aud', 'exp', ...rules.required],
    });
    return { is: 'good', claims: payload, expires: (payload.exp ?? 0) * 1000 + options.limits.tokenSkewMs };
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return 'unknown-key';
    if (error instanceof errors.JWTExpired) return { is: 'expired', why: 'the token has expired' };
    if (error instanceof errors.JWTClaimValidationFailed) return wrong(`the claim ${claimName(error.claim)} of the token does not fit`);
    return wrong('the signature of the token is wrong');
  }
}

function claimName(text: string): string {
  return /^[a-z_]{1,20}$/.test(text) ? text : 'unnamed';
}

function wrong(why: string): TokenFound {
  return { is: 'wrong', why };
}
