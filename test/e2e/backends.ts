/** Backends for tests: real processes, and visitors who never stop asking. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';

type Context = { after: (done: () => Promise<void>) => void };

export type BackendProcess = Readonly<{ where: string; signal: (name: NodeJS.Signals) => void; kill: () => Promise<void> }>;

const script = fileURLToPath(new URL('backend.ts', import.meta.url));

/** Resolves when it listens. `where`: a port (0: any that is free) or the path of a socket. */
export async function startBackend(context: Context, name: string, where = '0'): Promise<BackendProcess> {
  const child: ChildProcess = spawn(process.execPath, [script, name, where], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  context.after(kill);
  if (child.stdout === null) throw new TypeError('a process without an output');
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return { where: said.toString().trim(), signal: (signal) => child.kill(signal), kill };
}

export type Answered = Readonly<{ status: number; body: string; cookies: readonly string[] }>;

export type Asked = Readonly<{ port: number; path?: string; method?: string; headers?: Readonly<Record<string, string>>; agent?: Agent }>;

export function ask({ port, path = '/', method = 'GET', headers = {}, agent }: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: agent ?? false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, cookies: response.headers['set-cookie'] ?? [] }));
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.end();
  });
}

export type Crowd = Readonly<{
  /** Who answered how often. */
  answers: ReadonlyMap<string, number>;
  /** What was no 200. */
  failures: readonly string[];
  /** Resolves when so many more were answered, by this one if it is named. */
  more: (count: number, by?: string) => Promise<void>;
  leave: () => Promise<void>;
}>;

/** Visitors on connections of their own who ask again as soon as they were answered. */
export function startCrowd(context: Context, port: number, visitors: number): Crowd {
  const answers = new Map<string, number>();
  const failures: string[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: visitors });
  const waiting = new Set<() => void>();
  const here = { open: true };
  const total = (by?: string): number =>
    by === undefined ? [...answers.values()].reduce((sum, each) => sum + each, 0) : (answers.get(by) ?? 0);
  const visit = async (): Promise<void> => {
    while (here.open) {
      try {
        const { status, body } = await ask({ port, agent });
        if (status === 200) answers.set(body, (answers.get(body) ?? 0) + 1);
        else failures.push(`${status} ${body.slice(0, 200)}`);
      } catch (error) {
        failures.push(String(error));
      }
      for (const look of waiting) look();
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  const all = Array.from({ length: visitors }, visit);
  const leave = async (): Promise<void> => {
    here.open = false;
    await Promise.all(all);
    agent.destroy();
  };
  context.after(leave);
  const more: Crowd['more'] = (count, by) => {
    const wanted = total(by) + count;
    return new Promise((resolve) => {
      const look = (): void => {
        if (total(by) < wanted) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
    });
  };
  return { answers, failures, more, leave };
}
