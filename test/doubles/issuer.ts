/** An issuer of tokens for tests: keys, metadata, introspection; what it is asked goes through `outside` of the test's tools. */

import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTHeaderParameters, type JWTPayload } from 'jose';
import type { Outgoing, OutgoingRequest } from '../../src/contracts/outgoing.ts';
import { SallyportError } from '../../src/core/errors.ts';
import type { TestTools } from './tools.ts';

export const issuerUrl = 'https://login.example.test';
export const audience = 'proxy';

type Pair = Readonly<{ privateKey: CryptoKey; publicKey: CryptoKey; alg: string }>;

const pairs = new Map<string, Promise<Pair>>();

/** Made once a process: an RSA key takes a while. */
export function pairOf(kid: string, alg = 'ES256'): Promise<Pair> {
  const made = pairs.get(`${kid} ${alg}`) ?? generateKeyPair(alg, { extractable: true }).then((pair) => ({ ...pair, alg }));
  pairs.set(`${kid} ${alg}`, made);
  return made;
}

export type TestIssuer = Readonly<{
  /** Names of the keys that it shows, with their algorithm. */
  keys: Map<string, string>;
  /** What it says of itself, besides. */
  metadata: Record<string, unknown>;
  /** What it says of tokens when it is asked, by the token; left out: not active. */
  tokens: Map<string, Readonly<Record<string, unknown>>>;
  requests: OutgoingRequest[];
  state: { away: boolean };
  /** A token that is good unless something is said. */
  token: (claims?: JWTPayload, header?: Partial<JWTHeaderParameters> & Readonly<{ by?: string }>) => Promise<string>;
}>;

export function testIssuer(tools: TestTools): TestIssuer {
  const keys = new Map([['one', 'ES256']]);
  const metadata: Record<string, unknown> = {
    issuer: issuerUrl,
    jwks_uri: `${issuerUrl}/keys`,
    introspection_endpoint: `${issuerUrl}/introspect`,
    authorization_endpoint: `${issuerUrl}/authorize`,
    token_endpoint: `${issuerUrl}/token`,
  };
  const tokens: TestIssuer['tokens'] = new Map();
  const requests: OutgoingRequest[] = [];
  const state = { away: false };
  tools.outside.ask = async (request) => {
    requests.push(request);
    if (state.away) throw new SallyportError('issuer-unreachable', 'It is away.');
    return answer(request);
  };
  const said = (value: unknown) => ({ status: 200, fields: { 'content-type': 'application/json' }, body: JSON.stringify(value) });
  const answer = async ({ url, body }: OutgoingRequest): Promise<Awaited<ReturnType<Outgoing['ask']>>> => {
    if (url === `${issuerUrl}/.well-known/openid-configuration`) return said(metadata);
    if (url === `${issuerUrl}/introspect`) return said(tokens.get(new URLSearchParams(body ?? '').get('token') ?? '') ?? { active: false });
    if (url !== `${issuerUrl}/keys`) return { status: 404, fields: {}, body: '' };
    const all = [...keys].map(async ([kid, alg]) => ({ ...(await exportJWK((await pairOf(kid, alg)).publicKey)), kid, alg, use: 'sig' }));
    return said({ keys: await Promise.all(all) });
  };
  const token: TestIssuer['token'] = async (claims = {}, { by = 'one', ...header } = {}) => {
    const { privateKey, alg } = await pairOf(by, keys.get(by) ?? 'ES256');
    const now = Math.floor(tools.clock.now / 1000);
    return new SignJWT({ iss: issuerUrl, aud: audience, sub: 'ana', exp: now + 300, ...claims })
      .setProtectedHeader({ alg, kid: by, typ: 'at+jwt', ...header })
      .sign(privateKey);
  };
  return { keys, metadata, tokens, requests, state, token };
}

/** A token of three parts as an attacker writes them; the signature is a text of theirs. */
export function forged(header: unknown, claims: unknown, signature: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.${signature}`;
}
