/** Runs the bundled example, a small blog, as a process of its own: something real to guard when there is nothing yet. */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SallyportError } from '../core/errors.ts';

export type Example = Readonly<{
  /** Where it listens on 127.0.0.1. */
  port: number;
  /** Ends it; resolves when it has ended. Safe to call twice. */
  close: () => Promise<void>;
}>;

/**
 * Starts the blog on a free loopback port, with its posts kept in `folder`.
 * It ends when this process does, however that happens: it watches the channel between the two.
 * Errors: `program-failed` when it does not come up.
 */
export async function startExample(folder: string): Promise<Example> {
  const script = fileURLToPath(new URL('../../examples/blog/main.ts', import.meta.url));
  const child = spawn(process.execPath, [script, '--port', '0', '--data', folder], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const port = await portOf(child);
  if (port === null) {
    child.kill();
    throw new SallyportError('program-failed', 'The example blog did not start.', { hint: 'Share something of your own: sallyport 3000' });
  }
  // An end that is asked for twice, or that came by itself, is awaited once.
  const ended = once(child, 'exit').catch(() => undefined);
  return {
    port,
    async close() {
      child.kill();
      await ended;
    },
  };
}

/** The blog says its address on its first line; null when it ends before that. */
async function portOf(child: ChildProcess): Promise<number | null> {
  if (child.stdout === null) return null;
  const lines = createInterface(child.stdout);
  child.on('error', () => lines.close());
  for await (const line of lines) {
    const port = Number(/^http:\/\/127\.0\.0\.1:(\d+)\/$/.exec(line)?.[1]);
    return Number.isInteger(port) ? port : null;
  }
  return null;
}
