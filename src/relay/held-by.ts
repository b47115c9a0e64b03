/** The relay's side of its holder: sockets come from it, and its word says when to begin, to leave and to end. */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { ServiceUser } from '../controlplane/service-user.ts';
import { SallyportError } from '../core/errors.ts';
import { cannotListen, type BoundSocket } from '../dataplane/listener.ts';
import type { Failed, LeaveReason, Role, ToHolder, ToRelay } from './messages.ts';
import { readToRelay, roleVariable } from './messages.ts';

/** The channel to the holder: this process, or a test. */
export type Channel = Readonly<{
  /** Resolves when it is on its way. */
  send: (message: ToHolder) => Promise<void>;
  onMessage: (take: (message: unknown, handle: unknown) => void) => void;
}>;

export type HeldBy = Readonly<{
  role: Role;
  /** Errors: `address-in-use`, `permission-missing`, `address-unavailable`. */
  bind: (at: Readonly<{ host: string; port: number }>) => Promise<BoundSocket>;
  /** It is not needed any more. */
  release: (at: Readonly<{ host: string; port: number }>) => void;
  listening: () => void;
  failed: (why: Failed) => Promise<void>;
  /** Asks for an upgrade: resolves with the number of the process that serves from now on. Error: `successor-failed`. */
  upgrade: () => Promise<number>;
  /** Asks for the end of all. */
  stop: () => void;
  /** The holder becomes that user: whoever asks for a port below 1024 from then on gets none. */
  become: (user: ServiceUser) => Promise<void>;
  /** What the holder wants; called with what is asked for later, too. */
  follow: (orders: Orders) => void;
}>;

export type Orders = Readonly<{
  leave: (why: LeaveReason) => void;
  end: () => void;
  /** An upgrade came to nothing. */
  stay: (error: SallyportError) => void;
}>;

/** Null where nobody holds our sockets. */
export function heldBy(env: NodeJS.ProcessEnv): HeldBy | null {
  const role = env[roleVariable];
  if ((role !== 'first' && role !== 'successor') || process.send === undefined) return null;
  // What it held is held by nobody now: whoever starts the next relay must find the port free.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  return heldOver(role, {
    // What a holder that has gone cannot hear is lost, as we are.
    send: (message) => new Promise((resolve) => void process.send?.(message, undefined, undefined, () => resolve())),
    onMessage: (take) => void process.on('message', take),
  });
}

export function heldOver(role: Role, channel: Channel): HeldBy {
  const asked = new Map<number, (answer: Readonly<{ error: string | null; handle: unknown }>) => void>();
  let upgrades: PromiseWithResolvers<number>[] = [];
  let orders: Orders | null = null;
  let asks = 0;
  const upgraded = (): readonly PromiseWithResolvers<number>[] => {
    const waiting = upgrades;
    upgrades = [];
    return waiting;
  };
  const take = (message: ToRelay, handle: unknown): void => {
    switch (message.is) {
      case 'bound':
        asked.get(message.ask)?.({ error: message.error, handle });
        asked.delete(message.ask);
        return;
      case 'leave':
        for (const each of upgraded()) each.resolve(message.successor ?? 0);
        return orders?.leave(message.why);
      case 'end':
        return orders?.end();
      case 'stay': {
        const error = successorError(message.why);
        for (const each of upgraded()) each.reject(error);
        return orders?.stay(error);
      }
      default:
        message satisfies never;
    }
  };
  channel.onMessage((message, handle) => {
    const read = readToRelay(message);
    if (read !== null) take(read, handle);
  });
  return {
    role,
    bind: async (at) => {
      const host = isIP(at.host) === 0 ? (await lookup(at.host)).address : at.host;
      const ask = asks++;
      const answer = Promise.withResolvers<Readonly<{ error: string | null; handle: unknown }>>();
      asked.set(ask, answer.resolve);
      void channel.send({ is: 'bind', ask, host, port: at.port });
      const { error, handle } = await answer.promise;
      if (error !== null) throw cannotListen({ code: error, message: error }, at);
      // Ours to trust: the holder is our own parent process.
      return handle as BoundSocket;
    },
    release: (at) => {
      const told = (host: string): void => void channel.send({ is: 'release', host, port: at.port });
      if (isIP(at.host) !== 0) told(at.host);
      // As it was asked for.
      else
        lookup(at.host).then(
          ({ address }) => told(address),
          () => undefined,
        );
    },
    listening: () => void channel.send({ is: 'listening' }),
    failed: (why) => channel.send(why),
    upgrade: () => {
      const waiting = Promise.withResolvers<number>();
      upgrades.push(waiting);
      void channel.send({ is: 'upgrade' });
      return waiting.promise;
    },
    stop: () => void channel.send({ is: 'stop' }),
    become: (user) => channel.send({ is: 'become', user }),
    follow: (given) => void (orders = given),
  };
}

function successorError({ message, hint }: Failed): SallyportError {
  return new SallyportError('successor-failed', `The new relay did not start, and this one goes on. ${message}`, {
    hint: hint ?? 'Mend it, and upgrade again.',
  });
}
