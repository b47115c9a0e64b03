/** Our side of the bench: the gateway alone, and relay and gateway with a tunnel between; log, firewall, password and limits on. */

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Program } from './processes.ts';
import { freePort, listening, start, stop } from './processes.ts';
import type { Running } from './peers.ts';

export const sallyport = join(dirname(dirname(fileURLToPath(import.meta.url))), 'bin', 'sallyport');
const user = 'bench';
const password = 'a load of wrk, nothing else';
const domain = 'example.test';

/** What wrk and curl send: checked by the password guard for each request. */
export const credential = `Authorization: Basic ${btoa(`${user}:${password}`)}`;

/** The defaults are for people; these are for a thousand connections of one address that never pause. They are limits all the same. */
export const benchLimits = {
  keepAliveExchangesMax: 1_000_000_000,
  http2ExchangesMax: 1_000_000_000,
  connectionsPerAddressMax: 10_000,
  connectionsMax: 20_000,
};
const relayLimits = { connectionsPerAddressMax: 10_000, connectionsMax: 20_000 };

function configuration(origin: number, head: readonly string[]): string {
  return [
    ...head,
    'services:',
    `  bench: { to: 'http://127.0.0.1:${origin}', access: [{ password: { users: [${user}] } }], firewall: on }`,
    `limits: ${JSON.stringify(benchLimits)}`,
    '',
  ].join('\n');
}

/** The next event of that name; any error is thrown in the program's own words. */
export async function eventOf(program: Program, name: string): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    const line = await program.lines.next();
    if (line.done === true) throw new Error(`sallyport ended before "${name}". ${program.complaint()}`);
    if (!line.value.startsWith('{')) continue;
    const event = JSON.parse(line.value) as Readonly<Record<string, unknown>>;
    if (event['event'] === 'error') throw new Error(`sallyport: ${String(event['message'])}`);
    if (event['event'] === name) return event;
  }
}

async function homeIn(folder: string, name: string): Promise<NodeJS.ProcessEnv> {
  const home = join(folder, name);
  await mkdir(home, { recursive: true, mode: 0o700 });
  return { SALLYPORT_HOME: home };
}

async function addUser(env: NodeJS.ProcessEnv): Promise<void> {
  await eventOf(start(sallyport, ['users', 'add', user, '--json'], { ...env, SALLYPORT_PASSWORD: password }), 'user');
}

/** `sallyport gateway`, in the clear, as the peers are. */
export async function runGateway(folder: string, origin: number): Promise<Running> {
  const env = await homeIn(folder, 'gateway-home');
  await addUser(env);
  const port = await freePort();
  const file = join(folder, 'gateway.yaml');
  // `local: guarded`: on loopback the password would otherwise not be asked for.
  await writeFile(file, configuration(origin, [`listen: 'http://127.0.0.1:${port}'`, 'network: trusted', 'local: guarded']));
  const program = start(sallyport, ['gateway', '--config', file, '--json'], env);
  await eventOf(program, 'ready');
  drain(program);
  return { port, programs: [program], stop: () => stop(program) };
}

/** The same over TLS, with a certificate of its own CA; visitors choose HTTP/2. */
export async function runSecureGateway(folder: string, origin: number): Promise<Running> {
  const env = await homeIn(folder, 'secure-home');
  await addUser(env);
  const port = await freePort();
  const file = join(folder, 'secure.yaml');
  await writeFile(file, configuration(origin, [`listen: 'https://127.0.0.1:${port}'`, 'network: trusted', 'local: guarded']));
  const program = start(sallyport, ['gateway', '--config', file, '--json'], env);
  await eventOf(program, 'ready');
  drain(program);
  return { port, programs: [program], stop: () => stop(program) };
}

/** `sallyport relay` and `sallyport up` with homes of their own: as on two machines. */
export async function runTunnel(folder: string, origin: number): Promise<Running & { readonly name: string; readonly ca: string }> {
  const relayEnv = await homeIn(folder, 'relay-home');
  const gatewayEnv = await homeIn(folder, 'tunnel-home');
  const port = await freePort();
  const file = join(folder, 'tunnel.yaml');
  const relayFile = join(folder, 'relay.yaml');
  const relayLines = [`listen: 'https://127.0.0.1:${port}'`, `domain: ${domain}`, `limits: ${JSON.stringify(relayLimits)}`, ''];
  await writeFile(relayFile, relayLines.join('\n'));
  const relay = start(sallyport, ['relay', '--config', relayFile, '--json'], relayEnv);
  await eventOf(relay, 'listening');
  const invite = await eventOf(start(sallyport, ['relay', 'invite', 'bench', '--json'], relayEnv), 'invite');
  await eventOf(start(sallyport, ['join', '-', '--json'], gatewayEnv, `${String(invite['code'])}\n`), 'joined');
  await addUser(gatewayEnv);
  await writeFile(file, configuration(origin, [`relay: 127.0.0.1:${port}`]));
  const gateway = start(sallyport, ['up', '--config', file, '--json'], gatewayEnv);
  const ready = await eventOf(gateway, 'ready');
  for (const program of [relay, gateway]) drain(program);
  await listening(port, relay);
  return {
    port,
    programs: [relay, gateway],
    name: new URL(String(ready['url'])).hostname,
    ca: String(ready['ca']),
    stop: () => [gateway, relay].forEach(stop),
  };
}

/** A pipe that nobody reads fills up, and its writer waits. */
function drain({ child }: Program): void {
  child.stdout?.resume();
}
