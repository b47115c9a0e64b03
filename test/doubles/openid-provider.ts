/** A real OpenID provider in this process, over real TLS, with one form to sign in by: for tests and the browser. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Provider } from 'oidc-provider';
import { certificate } from './pki.ts';

export const clientSecret = 'a-secret-of-the-gateway-1234567890';

export type Account = Readonly<Record<string, unknown>>;

export type TestProvider = Readonly<{
  issuer: string;
  /** PEM: trusts it. */
  ca: string;
  /** What it says of people, by the name that they sign in with. */
  accounts: Map<string, Account>;
  /** What it was asked, as `GET /auth`. */
  requests: string[];
  sent: Sent[];
  provider: Provider;
  close: () => Promise<void>;
}>;

export type ProviderOptions = Readonly<{
  /** Where visitors come back to. */
  callback: string;
  backchannel?: string;
  /** Left out: made here. */
  tls?: Readonly<{ ca: string; cert: string; key: string }>;
  configuration?: Readonly<Record<string, unknown>>;
}>;

/** What the provider sends to others by itself: a logout to our back channel. */
export type Sent = Readonly<{ url: string; body: string }>;

export async function startProvider(options: ProviderOptions): Promise<TestProvider> {
  const accounts = new Map<string, Account>();
  const requests: string[] = [];
  const sent: Sent[] = [];
  const tls = options.tls ?? (await madeHere());
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const server = createServer({ cert: tls.cert, key: tls.key }, (request, response) => {
    requests.push(`${request.method ?? ''} ${(request.url ?? '').split('?')[0] ?? ''}`);
    handle(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // It listens on an address, so it has one.
  const issuer = `https://localhost:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, configurationOf(options, accounts, sent));
  // What it says on the terminal about keys for development is no news of a test.
  const callback = provider.callback();
  const interact = interactions(provider);
  handle = (request, response) => {
    if ((request.url ?? '').startsWith('/interaction/')) void interact(request, response);
    else void callback(request, response);
  };
  return { issuer, ca: tls.ca, accounts, requests, sent, provider, close: () => closed(server) };
}

async function madeHere(): Promise<Readonly<{ ca: string; cert: string; key: string }>> {
  const ca = await certificate({ subject: 'Provider CA', isCa: true });
  return { ca: ca.cert, ...(await certificate({ subject: 'localhost', names: ['localhost'], issuer: ca })) };
}

function configurationOf({ callback, backchannel, configuration }: ProviderOptions, accounts: ReadonlyMap<string, Account>, sent: Sent[]) {
  return {
    clients: [
      {
        client_id: 'gateway',
        client_secret: clientSecret,
        redirect_uris: [callback],
        ...(backchannel === undefined ? {} : { backchannel_logout_uri: backchannel }),
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username', 'groups'] },
    cookies: { keys: ['a key of a test'] },
    features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: backchannel !== undefined } },
    interactions: { url: (_context: unknown, { uid }: { readonly uid: string }) => `/interaction/${uid}` },
    findAccount: (_context: unknown, sub: string) => {
      const account = accounts.get(sub);
      return account === undefined ? undefined : { accountId: sub, claims: () => ({ sub, ...account }) };
    },
    fetch: async (url: unknown, options: Readonly<{ body?: unknown }> = {}) => {
      sent.push({ url: String(url), body: String(options.body) });
      return new Response('', { status: 200 });
    },
    ...configuration,
  };
}

/** A login by name alone, then consent; each is one form. */
function interactions(provider: Provider): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    try {
      const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
      const fields = request.method === 'POST' ? new URLSearchParams(await textOf(request)) : null;
      if (fields === null) return void response.setHeader('Content-Type', 'text/html').end(formOf(prompt.name));
      if (fields.get('deny') !== null) {
        const no = { error: 'access_denied', error_description: 'They said no.' };
        return await provider.interactionFinished(request, response, no, { mergeWithLastSubmission: false });
      }
      if (prompt.name === 'login') {
        const result = { login: { accountId: fields.get('name') ?? '' } };
        return await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
      }
      const grant =
        (grantId === undefined ? undefined : await provider.Grant.find(grantId)) ??
        new provider.Grant({ accountId: session?.accountId ?? '', clientId: String(params['client_id']) });
      grant.addOIDCScope(String(params['scope']));
      const result = { consent: { grantId: await grant.save() } };
      await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error));
    }
  };
}

function formOf(prompt: string): string {
  const field = prompt === 'login' ? '<label for="name">Account</label><input id="name" name="name">' : '';
  return `<!doctype html><title>${prompt}</title><h1>${prompt}</h1><form method="post">${field}<button>Go on</button><button name="deny" value="1">Deny</button></form>`;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text;
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close').catch(() => undefined);
}
