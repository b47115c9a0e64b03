/** How the processes of the storm begin: ports that stay theirs, programs and services, invitations and joining. */

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { run as runHere } from '../../../src/cli/run.ts';
import { scriptedTerminal } from '../../../src/cli/scripted-terminal.ts';
import { run, type Line as Said } from '../../e2e/program.ts';
import type { Life } from './unit.ts';

export type Context = { after: (done: () => Promise<void>) => void };

const serviceScript = fileURLToPath(new URL('service.ts', import.meta.url));

/** Outside of what the system gives to who dials: nobody takes it while its owner is dead. */
export async function steadyPort(): Promise<number> {
  for (;;) {
    const port = randomInt(18_000, 32_000);
    const probe = createServer();
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      // At all addresses: relays have several.
      probe.listen(port, '0.0.0.0', () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}

/** A command of an operator, in this process: a start of its own for each would cost more than all else. */
async function said(home: string, words: readonly string[], stdin?: string): Promise<Readonly<Record<string, unknown>>> {
  const terminal = scriptedTerminal(stdin === undefined ? { home } : { home, stdin });
  const code = await runHere([...words, '--json'], terminal);
  const [first] = terminal.events();
  if (code !== 0 || first === undefined) throw new Error(`${words.join(' ')}: ${terminal.written()}${terminal.complained()}`);
  return first;
}

/** A code for a name of the relay with this home. */
export async function invited(home: string, words: readonly string[]): Promise<string> {
  return String((await said(home, ['relay', 'invite', ...words]))['code']);
}

export async function joined(home: string, code: string): Promise<void> {
  await said(home, ['join', '-'], code);
}

/** Of a kept heap, garbage is collected and not gathered: what stays is what is kept. */
const env = { NODE_OPTIONS: '--max-old-space-size=128' };

/** `ready` is the event of its readiness, `service` of which service. */
export function program(context: Context, words: readonly string[], home: string, ready: string, service?: string): Life {
  const started = run(context, words, { home, env });
  return { program: started, ready: started.line(ready, (line) => service === undefined || line['service'] === service) };
}

/** The service says its lines as the program does. Its words: a port, a file for what it has seen, and more, see `service.ts`. */
export function serving(context: Context, words: readonly string[]): Life {
  const child = spawn(process.execPath, [serviceScript, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: Said[] = [];
  let stderr = '';
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  const ready = new Promise<Said>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as Said;
      lines.push(line);
      resolve(line);
    });
    child.once('close', () => reject(new Error(`the service ended before it listened: ${stderr}`)));
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  context.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return { program: { child, pid: child.pid ?? 0, lines, stderr: () => stderr, exited }, ready };
}
