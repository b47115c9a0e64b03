/** The provider, as `openid-client` speaks with it: by our own way out, and with every check that the protocol knows. */

import type * as Client from 'openid-client';
import type { Claims } from '../../../contracts/issuers.ts';
import type { Outgoing } from '../../../contracts/outgoing.ts';
import type { Tools } from '../../../contracts/tools.ts';
import { SallyportError } from '../../../core/errors.ts';
import { Kept } from '../../../core/policy/kept.ts';
import { joinedClaims, lacksClaims } from './admission.ts';
import type { Begun } from './begun.ts';
import type { OidcOptions } from './options.ts';

export type Answered = Readonly<{ is: 'claims'; claims: Claims }> | Readonly<{ is: 'wrong' | 'away'; why: string }>;

/** Loaded when somebody signs in by a provider: most gateways have none. */
const library = (): Promise<typeof Client> => import('openid-client');

export class Provider {
  readonly #options: OidcOptions;
  readonly #known: Kept<Client.Configuration>;

  constructor(options: OidcOptions, ca: string | null, tools: Tools) {
    this.#options = options;
    const { now, limits } = tools;
    this.#known = new Kept(() => discover(options, ca, tools), {
      now,
      freshMs: limits.issuerFreshMs,
      staleMs: limits.issuerStaleMs,
      retryMs: limits.issuerRetryMs,
    });
  }

  /** Where the browser goes to sign in; null while the provider cannot be had. */
  async address(login: Begun, callback: string): Promise<string | null> {
    const known = await this.#known.get();
    if (known === null) return null;
    const client = await library();
    const url = client.buildAuthorizationUrl(known, {
      redirect_uri: callback,
      scope: ['openid', ...this.#options.scopes.filter((scope) => scope !== 'openid')].join(' '),
      state: login.state,
      nonce: login.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(login.verifier),
      code_challenge_method: 'S256',
    });
    // What the metadata says is the provider's word: a browser is sent nowhere in the clear.
    return url.protocol === 'https:' ? url.href : null;
  }

  /** Takes the code to the provider: state, nonce, PKCE, `iss`, `aud`, the time and the signature of the ID token are checked. */
  async answer(login: Begun, current: URL): Promise<Answered> {
    const known = await this.#known.get();
    if (known === null) return { is: 'away', why: 'the provider cannot be asked' };
    const client = await library();
    try {
      const tokens = await client.authorizationCodeGrant(known, current, {
        expectedState: login.state,
        expectedNonce: login.nonce,
        pkceCodeVerifier: login.verifier,
        idTokenExpected: true,
      });
      const claims: Claims = { ...tokens.claims() };
      const { sub } = claims;
      if (typeof sub !== 'string' || !lacksClaims(claims, this.#options) || known.serverMetadata().userinfo_endpoint === undefined)
        return { is: 'claims', claims };
      return { is: 'claims', claims: joinedClaims(claims, { ...(await client.fetchUserInfo(known, tokens.access_token, sub)) }) };
    } catch (error) {
      return failed(error);
    }
  }
}

/** `openid-client` names what went wrong by a code; its texts may hold what a stranger sent. */
function failed(error: unknown): Answered {
  if (isAway(error)) return { is: 'away', why: 'the provider cannot be asked' };
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { is: 'wrong', why: `the provider or its answer says no${/^[A-Z_]{3,60}$/.test(code) ? ` (${code})` : ''}` };
}

/** It wraps what our way out has thrown. */
function isAway(error: unknown): boolean {
  if (error instanceof SallyportError) return error.code === 'issuer-unreachable';
  return error instanceof Error && error.cause !== undefined && isAway(error.cause);
}

async function discover(options: OidcOptions, ca: string | null, tools: Tools): Promise<Client.Configuration> {
  const secret = options.secret === undefined ? null : (tools.secret(options.secret) ?? new Uint8Array());
  if (secret?.length === 0) throw new SallyportError('secret-missing', 'The secret for the provider is gone.');
  // No method is said: it is Basic unless the provider takes it in the body alone.
  const words = secret === null ? null : Buffer.from(secret).toString('utf8');
  const server = new URL(options.issuer);
  const client = await library();
  const how = { [client.customFetch]: fetchBy(tools.outgoing, ca), timeout: tools.limits.outgoingMs / 1000 };
  const found = await client.discovery(server, options.client, undefined, client.None(), how);
  const metadata = found.serverMetadata();
  if (metadata.issuer !== options.issuer) throw new SallyportError('issuer-unreachable', 'The provider calls itself something else.');
  const methods = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const byBody = !methods.includes('client_secret_basic') && methods.includes('client_secret_post');
  const proof = words === null ? client.None() : byBody ? client.ClientSecretPost(words) : client.ClientSecretBasic(words);
  const configuration = new client.Configuration(
    metadata,
    options.client,
    { [client.clockTolerance]: tools.limits.tokenSkewMs / 1000 },
    proof,
  );
  configuration[client.customFetch] = how[client.customFetch];
  configuration.timeout = how.timeout;
  // The ID token comes over verified TLS; its signature is checked all the same, by a key that is not the connection's.
  client.enableNonRepudiationChecks(configuration);
  return configuration;
}

/** Our way out, in the form of `fetch` that the library wants. */
function fetchBy(outgoing: Outgoing, ca: string | null): Client.CustomFetch {
  return async (url, { method, headers, body }) => {
    const text =
      body === null || body === undefined
        ? null
        : typeof body === 'string' || body instanceof URLSearchParams
          ? body.toString()
          : undefined;
    if (text === undefined || (method !== 'GET' && method !== 'POST')) throw new TypeError('a request of a form that is not used here');
    const answer = await outgoing.ask({ method, url, fields: headers, body: text, ca });
    const empty = answer.status === 204 || answer.status === 304;
    return new Response(empty ? null : answer.body, { status: answer.status, headers: answer.fields });
  };
}
