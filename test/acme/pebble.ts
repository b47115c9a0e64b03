/** A real certificate authority for tests: pebble, with a DNS of ours, on ports of its own. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificateName } from '../../src/controlplane/certificates/permitted-names.ts';
import { makeAuthority, makeLeaf } from '../../src/controlplane/certificates/signing.ts';
import { freePort } from '../e2e/free-port.ts';
import { startDns, type TestDns } from './dns.ts';

export const noPebble: false | string = (() => {
  try {
    execFileSync('pebble', ['-h'], { stdio: 'ignore' });
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'not run: no pebble' : false;
  }
})();

export type Pebble = Readonly<{
  directory: string;
  /** PEM: who signed its own HTTPS; and a file with it. */
  ca: string;
  caPath: string;
  /** Where it looks for HTTP-01 and for TLS-ALPN-01. */
  httpPort: number;
  tlsPort: number;
  dns: TestDns;
  /** The root that it signs with, PEM; new at each start. */
  root: () => Promise<string>;
  /** What it wrote so far. */
  log: () => string;
  close: () => Promise<void>;
}>;

/** @param nonces of a hundred good nonces so many are refused */
export async function startPebble(options: Readonly<{ nonces?: number; httpPort?: number; tlsPort?: number }> = {}): Promise<Pebble> {
  const folder = await mkdtemp(join(tmpdir(), 'pebble-'));
  const { httpPort = await freePort(), tlsPort = await freePort() } = options;
  const [port, management] = [await freePort(), await freePort()];
  const dns = await startDns();
  const now = Date.now();
  const authority = await makeAuthority({ title: 'Test', domains: [], addresses: ['127.0.0.1'], now, lifeMs: 86_400_000 });
  const leaf = await makeLeaf(authority, { names: [certificateName('127.0.0.1')], now, lifeMs: 86_400_000 });
  const [certificate, privateKey, caPath, config] = ['own.pem', 'own.key', 'ca.pem', 'pebble.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  await writeFile(certificate, leaf.cert);
  await writeFile(privateKey, leaf.key, { mode: 0o600 });
  await writeFile(caPath, authority.cert);
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate,
    privateKey,
    httpPort,
    tlsPort,
    ocspResponderURL: '',
    externalAccountBindingRequired: false,
  };
  await writeFile(config, JSON.stringify({ pebble }));
  const env = {
    ...process.env,
    PEBBLE_VA_NOSLEEP: '1',
    PEBBLE_AUTHZREUSE: '0',
    PEBBLE_WFE_NONCEREJECT: String(options.nonces ?? 5),
  };
  const child = spawn('pebble', ['-config', config, '-strict', '-dnsserver', dns.address], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  const listening = Promise.withResolvers<void>();
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => {
      log += bytes.toString();
      if (log.includes('ACME directory available at')) listening.resolve();
    });
  child.once('exit', () => listening.reject(new Error(`pebble ended: ${log}`)));
  child.once('error', (error) => listening.reject(error));
  const close = async (): Promise<void> => {
    listening.promise.catch(() => undefined);
    if (child.exitCode === null && child.pid !== undefined) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await dns.close();
    await rm(folder, { recursive: true });
  };
  try {
    await listening.promise;
  } catch (error) {
    await close();
    throw error;
  }
  const root = (): Promise<string> => get(`https://127.0.0.1:${management}/roots/0`, authority.cert);
  return { directory: `https://127.0.0.1:${port}/dir`, ca: authority.cert, caPath, httpPort, tlsPort, dns, root, log: () => log, close };
}

function get(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, { ca, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => (text += piece));
      response.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
}
