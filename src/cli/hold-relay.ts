/** `sallyport relay --…`: a process that holds the listening sockets and starts the relay, which has the same words. */

import { defaults } from '../core/limits.ts';
import { handedSockets } from '../dataplane/bound-handles.ts';
import { Holder } from '../relay/holder.ts';
import { processTerminal } from './terminal.ts';

/** Resolves with the exit code. SIGHUP is an upgrade, unless a window was closed. */
export async function holdRelay(): Promise<number> {
  const handed = handedSockets(process.env, { pid: process.pid, most: defaults.heldSocketsMax }).sockets;
  const holder = new Holder({
    handed,
    words: [...process.execArgv, ...process.argv.slice(1)],
    env: process.env,
    limits: defaults,
  });
  processTerminal().onSignal((signal) => (signal === 'end' ? holder.end() : void holder.upgrade()));
  return holder.run();
}
