/** Visitors who come again and again, each request with its own id and body, and check that the answer is theirs. */

import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { setTimeout as pause } from 'node:timers/promises';
import { visitorContext } from '../doubles/visitor-context.ts';

/** A visitor who has been answered comes again after this: programs that start beside it need the processor too. */
const breathMs = 10;

export type SwarmOptions = Readonly<{
  url: string;
  ca: string;
  visitors: number;
  headers: Readonly<Record<string, string>>;
  bodyBytesMax?: number;
}>;

export type Swarm = Readonly<{
  /** Answers that were whole and right so far. */
  good: () => number;
  /** What was not: 502 and 504, broken and refused connections, by their kind. */
  failures: () => Readonly<Record<string, number>>;
  /** Answers that were somebody else's, or not what was sent. There must be none. */
  wrong: readonly string[];
  /** Resolves when so many more requests have been answered rightly than at this moment, begun after it. */
  goodAgain: (more: number) => Promise<void>;
  stop: () => Promise<void>;
}>;

export function startSwarm(context: { after: (done: () => Promise<void>) => void }, options: SwarmOptions): Swarm {
  const { hostname, port } = new URL(options.url);
  // Its types do not know that it passes this on.
  const secured: ConnectionOptions = { secureContext: visitorContext(readFileSync(options.ca, 'utf8')) };
  const agent = new Agent({
    keepAlive: true,
    maxSockets: options.visitors,
    servername: hostname,
    timeout: 10_000,
    ...secured,
  });
  const failures: Record<string, number> = {};
  const wrong: string[] = [];
  const stopped = new AbortController();
  let [good, next] = [0, 0];
  let waiting: { from: number; left: number; resolve: () => void }[] = [];

  const visit = async (): Promise<void> => {
    const number = (next += 1);
    const id = `/${number}-${randomBytes(6).toString('hex')}`;
    const body = randomBytes(number % (options.bodyBytesMax ?? 20_000));
    const kind = await ask({ agent, port: Number(port), host: new URL(options.url).host, headers: options.headers, id, body }, wrong);
    if (kind !== null) {
      failures[kind] = (failures[kind] ?? 0) + 1;
      // Who is refused at once would ask a thousand times a second.
      await new Promise((resolve) => setTimeout(resolve, 20));
      return;
    }
    good += 1;
    for (const each of waiting) {
      if (number > each.from && (each.left -= 1) === 0) each.resolve();
    }
    waiting = waiting.filter(({ left }) => left > 0);
  };
  const all = Array.from({ length: options.visitors }, async () => {
    while (!stopped.signal.aborted) {
      await visit();
      await pause(breathMs);
    }
  });
  const stop = async (): Promise<void> => {
    stopped.abort();
    await Promise.all(all);
    agent.destroy();
  };
  context.after(stop);
  return {
    good: () => good,
    failures: () => failures,
    wrong,
    goodAgain: (more) => new Promise((resolve) => waiting.push({ from: next, left: more, resolve })),
    stop,
  };
}

type Asked = Readonly<{
  agent: Agent;
  port: number;
  host: string;
  headers: Readonly<Record<string, string>>;
  id: string;
  body: Buffer;
}>;

/** Null when all was right, else what kind of failure it was. */
function ask({ agent, port, host, headers, id, body }: Asked, wrong: string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const sent = request(
      { agent, host: '127.0.0.1', port, path: id, method: body.length === 0 ? 'GET' : 'POST', headers: { ...headers, Host: host } },
      (response) => {
        let got = '';
        response.setEncoding('latin1').on('data', (text: string) => (got += text));
        response.on('error', () => undefined);
        response.on('close', () => {
          if (!response.complete) return resolve('cut');
          if (response.statusCode !== 200) return resolve(String(response.statusCode));
          const sha256 = createHash('sha256').update(body).digest('hex');
          const right = JSON.stringify({ id, bytes: body.length, sha256, filler: 'x'.repeat(body.length % 3_001) });
          if (got !== right) wrong.push(`${id} got ${got.slice(0, 200)}`);
          resolve(got === right ? null : 'wrong');
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('timed out')));
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end(body);
  });
}
