/** A small authority for tests, for what pebble cannot do: renewal information, profiles, and every kind of bad answer. */

import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { certificateName } from '../../src/controlplane/certificates/permitted-names.ts';
import { makeAuthority, makeLeaf } from '../../src/controlplane/certificates/signing.ts';

/** What is asked of it, the payload of the JWS read and its signature not looked at. */
export type Asked = Readonly<{ method: string; path: string; payload: Record<string, unknown> | null; account: string | null }>;

export type MockAuthority = {
  directory: string;
  ca: string;
  asked: Asked[];
  /** Answers in its place, and says so by true. */
  hijack: { answer: ((asked: Asked, response: ServerResponse) => boolean) | null };
  /** For `renewalInfo`: RFC 3339. Null: it has none. */
  window: { start: string; end: string } | null;
  lifeMs: number;
  close: () => Promise<void>;
};

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** As base64url, 128 bits and more. */
const goodToken = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ';

export async function startMockAuthority(
  options: Readonly<{ window?: { start: string; end: string } | null; lifeMs?: number; authorized?: boolean }> = {},
): Promise<MockAuthority> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const now = Date.now();
  const signer = await makeAuthority({ title: 'Mock', domains: ['example.org'], addresses: ['127.0.0.1'], now, lifeMs: 864_000_000 });
  const own = await makeLeaf(signer, { names: [certificateName('127.0.0.1')], now, lifeMs: 86_400_000 });
  const state = {
    window: options.window ?? null,
    lifeMs: options.lifeMs ?? 86_400_000 * 6,
    hijack: { answer: null } as MockAuthority['hijack'],
  };
  const asked: Asked[] = [];
  const orders = new Map<string, { name: string; status: string; chain: string | null }>();
  let nonces = 0;
  let base = '';

  const json = (response: ServerResponse, status: number, body: unknown, location: string | null = null): void => {
    response.writeHead(status, {
      'Content-Type': status < 400 ? 'application/json' : 'application/problem+json',
      'Replay-Nonce': `nonce${(nonces += 1)}`,
      ...(location === null ? {} : { Location: base + location }),
    });
    response.end(JSON.stringify(body));
  };
  const shown = (id: string): unknown => {
    const order = orders.get(id);
    if (order === undefined) return null;
    return {
      status: order.status,
      identifiers: [{ type: 'dns', value: order.name }],
      authorizations: [`${base}/authz/${id}`],
      finalize: `${base}/finalize/${id}`,
      ...(order.chain === null ? {} : { certificate: `${base}/cert/${id}` }),
    };
  };
  const issue = async (id: string, csr: string): Promise<void> => {
    const order = orders.get(id);
    if (order === undefined) return;
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(csr, 'base64url'));
    const issuer = new x509.X509Certificate(signer.cert);
    const certificate = await x509.X509CertificateGenerator.create(
      {
        serialNumber: `00a${id}ff`.padStart(20, '0'),
        subject: '',
        issuer: issuer.subject,
        notBefore: new Date(Date.now() - 60_000),
        notAfter: new Date(Date.now() + state.lifeMs),
        signingAlgorithm: algorithm,
        publicKey: request.publicKey,
        signingKey: await webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(signer.key), algorithm, false, ['sign']),
        extensions: [
          new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: order.name }], true),
          await x509.AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
        ],
      },
      webcrypto,
    );
    order.chain = `${certificate.toString('pem')}\n${signer.cert}\n`;
    order.status = 'valid';
  };
  const answer = async (what: Asked, response: ServerResponse): Promise<void> => {
    const [, kind = '', id = ''] = what.path.split('/');
    if (state.hijack.answer?.(what, response) === true) return;
    switch (kind) {
      case 'dir':
        return json(response, 200, {
          newNonce: `${base}/nonce`,
          newAccount: `${base}/account`,
          newOrder: `${base}/order`,
          ...(state.window === null ? {} : { renewalInfo: `${base}/ari` }),
          meta: { profiles: { shortlived: 'six days' } },
        });
      case 'nonce':
        return json(response, 200, null);
      case 'account':
        return json(response, 201, { status: 'valid' }, '/account/1');
      case 'order': {
        if (id !== '') return json(response, 200, shown(id));
        const name = (what.payload?.['identifiers'] as { value: string }[])[0]?.value ?? '';
        const next = String(orders.size + 1);
        orders.set(next, { name, status: options.authorized === false ? 'pending' : 'ready', chain: null });
        return json(response, 201, shown(next), `/order/${next}`);
      }
      case 'authz':
        return json(response, 200, {
          status: 'pending',
          identifier: { type: 'dns', value: orders.get(id)?.name },
          challenges: [{ type: 'http-01', url: `${base}/challenge/${id}`, status: 'pending', token: goodToken }],
        });
      case 'finalize':
        await issue(id, String(what.payload?.['csr']));
        return json(response, 200, shown(id));
      case 'cert':
        response.writeHead(200, { 'Content-Type': 'application/pem-certificate-chain', 'Replay-Nonce': `nonce${(nonces += 1)}` });
        response.end(orders.get(id)?.chain);
        return undefined;
      case 'ari':
        return json(response, 200, { suggestedWindow: state.window });
      default:
        return json(response, 404, { type: 'urn:ietf:params:acme:error:malformed', detail: 'no such page' });
    }
  };
  const server = createServer({ key: own.key, cert: own.cert }, (request, response) => {
    response.on('error', () => undefined);
    read(request).then(
      (what) => {
        asked.push(what);
        return answer(what, response);
      },
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(state, {
    directory: `${base}/dir`,
    ca: signer.cert,
    asked,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

async function read(request: IncomingMessage): Promise<Asked> {
  let text = '';
  for await (const piece of request) text += String(piece);
  const { method = '', url: path = '' } = request;
  if (text === '') return { method, path, payload: null, account: null };
  const jws = JSON.parse(text) as { protected: string; payload: string };
  const head = JSON.parse(Buffer.from(jws.protected, 'base64url').toString()) as { kid?: string };
  const payload = jws.payload === '' ? null : (JSON.parse(Buffer.from(jws.payload, 'base64url').toString()) as Record<string, unknown>);
  return { method, path, payload, account: head.kid ?? null };
}
