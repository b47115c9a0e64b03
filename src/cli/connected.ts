/** What `sallyport connect` does once it knows where to and as whom: a port, a proxy, or one connection over standard input and output. */

import type { Splice, Deadlines } from '../contracts/protocol.ts';
import { hostPort } from '../core/address.ts';
import { destinationText, type Destination } from '../core/egress/destination.ts';
import type { Shown } from '../core/egress/asking.ts';
import { SallyportError, type Code } from '../core/errors.ts';
import { defaults } from '../core/limits.ts';
import { createDeadlines, startDeadlines, steadyNow } from '../dataplane/deadlines.ts';
import type { Listening } from '../dataplane/listener.ts';
import { joinBoth, openLocalDoor, type LocalDoorOptions } from '../dataplane/local-door.ts';
import { openLocalProxy } from '../dataplane/local-proxy.ts';
import { NotLed, type ProxyVisitOptions } from '../dataplane/proxy-visit.ts';
import { createSplice } from '../dataplane/splice.ts';
import type { Cli } from './cli.ts';
import { failureOf } from './failure.ts';
import { standardOutput, StdioStream } from './stdio-stream.ts';
import type { Visited } from './visited.ts';

type Local = Readonly<{ host: string; port: number }>;

/** Ends when both directions have ended, or the person says so. Standard output belongs to the service: nothing else is written there. */
export async function overStdio(cli: Cli, open: LocalDoorOptions['visit']): Promise<void> {
  const { terminal } = cli;
  const abort = new AbortController();
  const release = terminal.onSignal(() => abort.abort());
  const deadlines = createDeadlines(steadyNow);
  const ticking = startDeadlines(deadlines);
  try {
    const stream = await notLed(open(abort.signal));
    abort.signal.addEventListener('abort', () => stream.destroy());
    const near = new StdioStream(terminal.stdin, standardOutput());
    const code = await joinBoth(near, stream, { splice: createSplice({ deadlines }), limits: defaults });
    // ssh ends its ProxyCommand by SIGHUP when it is done, and other programs just leave: either way nobody is there to be told.
    const left = abort.signal.aborted || code === 'visitor-gone';
    if (code !== null && !left) throw new SallyportError('address-unreachable', 'The connection broke.', { hint: 'Connect again.' });
  } finally {
    release();
    await ticking.close();
    terminal.stdin.destroy();
  }
}

/** A proxy that leads elsewhere is a mistake of whoever named the place. */
async function notLed<Value>(opening: Promise<Value>): Promise<Value> {
  try {
    return await opening;
  } catch (error) {
    throw placeProblem(error);
  }
}

function placeProblem(error: unknown): unknown {
  if (!(error instanceof NotLed)) return error;
  const words = `The proxy does not lead there: ${error.message} (${error.kind}).`;
  return new SallyportError('address-unreachable', words, { hint: 'Is the place right, and does its list allow it?', cause: error });
}

/** A port that leads to one place. */
export function connectedPort(
  cli: Cli,
  { name, local, open, to }: Readonly<{ name: Visited; local: Local; open: LocalDoorOptions['visit']; to?: Destination }>,
): Promise<void> {
  const place = to === undefined ? hostPort(name.host, name.port) : `${destinationText(to)} by ${hostPort(name.host, name.port)}`;
  return untilEnded(cli, place, local.host, ({ splice, onFailure }) =>
    openLocalDoor({ ...local, limits: defaults, splice, visit: (signal) => notLed(open(signal)), onFailure }),
  );
}

/** A port that is a proxy. */
export function connectedProxy(
  cli: Cli,
  { name, local, far, own }: Readonly<{ name: Visited; local: Local; far: Omit<ProxyVisitOptions, 'signal'>; own: Shown }>,
): Promise<void> {
  const place = `the proxy ${hostPort(name.host, name.port)}`;
  return untilEnded(cli, place, local.host, ({ deadlines, splice, onFailure }) =>
    openLocalProxy({ ...local, limits: defaults, splice, deadlines, far, own, onFailure }),
  );
}

type Parts = Readonly<{ deadlines: Deadlines; splice: Splice; onFailure: (error: unknown) => void }>;

/** What may be otherwise the next time, or is about one program alone. */
const passing: ReadonlySet<Code> = new Set<Code>(['address-unreachable', 'method-refused']);

/** How often the same failure is told: programs try again many times a second. */
const tellAgainMs = 5_000;

async function untilEnded(cli: Cli, name: string, host: string, open: (parts: Parts) => Promise<Listening>): Promise<void> {
  const { terminal } = cli;
  const reporter = cli.reporter();
  const ended = Promise.withResolvers<void>();
  const release = terminal.onSignal(() => ended.resolve());
  const deadlines = createDeadlines(steadyNow);
  const ticking = startDeadlines(deadlines);
  let told = { message: '', at: -Infinity };
  try {
    const door = await open({
      deadlines,
      splice: createSplice({ deadlines }),
      onFailure: (error) => {
        // Who is not let in is not let in a second time either, and each try counts as a guess.
        if (error instanceof SallyportError && !passing.has(error.code)) return ended.reject(error);
        const { code, message, hint } = failureOf(error);
        const now = steadyNow();
        if (message === told.message && now - told.at < tellAgainMs) return undefined;
        told = { message, at: now };
        return reporter.say({ event: 'error', code, message, hint });
      },
    });
    reporter.say({ event: 'connecting', name, listen: hostPort(host, door.port) });
    try {
      await ended.promise;
    } finally {
      await door.close();
    }
  } finally {
    release();
    await ticking.close();
  }
}
