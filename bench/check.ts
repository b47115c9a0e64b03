/** What a credential costs that was checked before: one gateway, four services, the same request with and without one. */

import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { once } from 'node:events';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { certificateName } from '../src/controlplane/certificates/permitted-names.ts';
import { makeAuthority, makeLeaf } from '../src/controlplane/certificates/signing.ts';
import type { Alone } from './check-alone.ts';
import { measureWindow, wrkWords, type Rate } from './load.ts';
import { benchLimits, eventOf, sallyport } from './ours.ts';
import { freePort, start, stop, type Program } from './processes.ts';
import { figure, table } from './table.ts';

export type Check = Readonly<{ credential: string; cpuMicros: number; perSecond: number; moreMicros: number; failures: number }>;

/** So often each is measured, in turns: what slows the machine for a while slows all of them. The quietest of each counts. */
const rounds = 5;
const connections = 32;
const audience = 'bench';
const password = 'a load of wrk, nothing else';

type Guarded = Readonly<{ name: string; access: string; fields: readonly string[] }>;

/** @param seconds how long each of the windows is; all take some 25 times as long */
export async function measureChecks(
  options: Readonly<{ wrk: string; folder: string; origin: number; seconds: number }>,
): Promise<readonly Check[]> {
  const { wrk, folder, origin, seconds } = options;
  const issuer = await startIssuer(folder);
  try {
    const { program, port, guarded } = await startGateway(folder, origin, issuer);
    const measure = async ({ name, fields }: Guarded, length: number): Promise<Rate> => {
      const target = { url: `http://${name}.bench.test:${port}/`, port, connections, seconds: length, fields, programs: [program] };
      return measureWindow(wrk, await wrkWords(folder, target), target);
    };
    for (const each of guarded) await measure(each, 1);
    const found = new Map<string, Rate[]>();
    for (let round = 0; round < rounds; round += 1) {
      for (const each of guarded) found.set(each.name, [...(found.get(each.name) ?? []), await measure(each, seconds)]);
    }
    stop(program);
    return checksOf(found);
  } finally {
    issuer.close();
  }
}

export function checkTable(checks: readonly Check[], alone: readonly Alone[]): string {
  const rows = checks.map(({ credential, perSecond, cpuMicros, moreMicros }) => [
    credential,
    figure(perSecond, 0),
    figure(cpuMicros),
    credential === 'public' ? '–' : figure(moreMicros),
  ]);
  const wire = table(
    'A credential that was checked before, plain HTTP/1.1, one gateway',
    ['access', 'requests/s', 'CPU µs/request', 'more than public, µs'],
    rows,
  );
  const bare = alone.map(({ credential, micros, moreMicros }) => [
    credential,
    figure(micros, 2),
    credential === 'public' ? '–' : figure(moreMicros, 2),
  ]);
  return `${wire}${table('The check by itself, without a socket', ['access', 'CPU µs/request', 'more than public, µs'], bare)}`;
}

function checksOf(found: ReadonlyMap<string, readonly Rate[]>): readonly Check[] {
  const quietest = Array.from(found, ([credential, rates]) => {
    const [best] = rates.toSorted((one, other) => one.cpuMicros - other.cpuMicros);
    return {
      credential,
      cpuMicros: best?.cpuMicros ?? 0,
      perSecond: best?.perSecond ?? 0,
      failures: rates.reduce((sum, rate) => sum + rate.failures, 0),
    };
  });
  const open = quietest.find(({ credential }) => credential === 'public')?.cpuMicros ?? 0;
  return quietest.map((each) => ({ ...each, moreMicros: each.cpuMicros - open }));
}

type Issuer = Readonly<{ url: string; ca: string; token: string; close: () => void }>;

/** A server with one key and a token by it that is good for an hour. */
async function startIssuer(folder: string): Promise<Issuer> {
  const span = { now: Date.now(), lifeMs: 3_600_000 };
  const authority = await makeAuthority({ title: 'Bench', domains: ['localhost'], addresses: [], ...span });
  const leaf = await makeLeaf(authority, { names: [certificateName('localhost')], ...span });
  const ca = join(folder, 'issuer-ca.pem');
  await writeFile(ca, authority.cert);
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'bench', alg: 'ES256', use: 'sig' }] });
  const server = createServer({ cert: leaf.cert, key: leaf.key }, (_request, response) =>
    response.setHeader('Content-Type', 'application/json').end(keys),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `https://localhost:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'ES256', kid: 'bench' })
    .setIssuer(url)
    .setAudience(audience)
    .setSubject('bench')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey);
  return { url, ca, token, close: () => (server.closeAllConnections(), void server.close()) };
}

async function startGateway(
  folder: string,
  origin: number,
  issuer: Issuer,
): Promise<Readonly<{ program: Program; port: number; guarded: readonly Guarded[] }>> {
  const home = join(folder, 'check-home');
  await mkdir(home, { recursive: true, mode: 0o700 });
  const env = { SALLYPORT_HOME: home };
  await eventOf(start(sallyport, ['users', 'add', 'bench', '--json'], { ...env, SALLYPORT_PASSWORD: password }), 'user');
  const made = await eventOf(start(sallyport, ['keys', 'add', 'bench', '--json'], env), 'key');
  const bearer = JSON.stringify({ issuer: issuer.url, keys: `${issuer.url}/keys`, audience, ca: issuer.ca });
  const guarded: readonly Guarded[] = [
    { name: 'public', access: '[public]', fields: [] },
    { name: 'password', access: '[{ password: {} }]', fields: [`Authorization: Basic ${btoa(`bench:${password}`)}`] },
    { name: 'key', access: '[{ key: {} }]', fields: [`X-API-Key: ${String(made['key'])}`] },
    { name: 'bearer', access: `[{ bearer: ${bearer} }]`, fields: [`Authorization: Bearer ${issuer.token}`] },
  ];
  const port = await freePort();
  const services = guarded.map(
    ({ name, access }) => `  ${name}: { at: ${name}.bench.test, to: 'http://127.0.0.1:${origin}', access: ${access} }`,
  );
  const head = [
    `listen: 'http://127.0.0.1:${port}'`,
    'network: trusted',
    'local: guarded',
    `limits: ${JSON.stringify(benchLimits)}`,
    'services:',
  ];
  const file = join(folder, 'check.yaml');
  await writeFile(file, [...head, ...services, ''].join('\n'));
  const program = start(sallyport, ['gateway', '--config', file, '--json'], env);
  for (const _each of guarded) await eventOf(program, 'ready');
  program.child.stdout?.resume();
  return { program, port, guarded };
}
