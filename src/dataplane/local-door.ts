/** A port of this machine that leads to a TCP service elsewhere: each connection is a visit of its own. */

import type { Duplex } from 'node:stream';
import type { Splice } from '../contracts/protocol.ts';
import type { Stream } from '../contracts/stream.ts';
import type { Code } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import { listen, type Listening } from './listener.ts';

export type LocalDoorOptions = Readonly<{
  host: string;
  port: number;
  limits: Limits;
  splice: Splice;
  /** Opens the far end. Rejects with a SallyportError. */
  visit: (signal: AbortSignal) => Promise<Stream>;
  /** Told of a visit that came to nothing; its local connection is gone. */
  onFailure: (error: unknown) => void;
}>;

/** Errors: `address-in-use`, `permission-missing`, `address-unavailable`. */
export function openLocalDoor(options: LocalDoorOptions): Promise<Listening> {
  const { host, port, limits } = options;
  // Every program of this machine has the same address: one share of the whole would be none.
  return listen({
    host,
    port,
    limits: { connectionsMax: limits.connectionsPerAddressMax, connectionsPerAddressMax: limits.connectionsPerAddressMax },
    take: (socket) => {
      const gone = new AbortController();
      socket.once('close', () => gone.abort());
      socket.pause();
      options
        .visit(gone.signal)
        .then((far) => joinBoth(socket, far, options))
        .catch((error: unknown) => {
          socket.resetAndDestroy();
          if (!gone.signal.aborted) options.onFailure(error);
        });
    },
  });
}

/** Resolves when both directions are done, or one side broke: `visitor-gone` is the near one. Null when all was said to its end. */
export async function joinBoth(
  near: Duplex,
  far: Stream,
  { splice, limits }: Pick<LocalDoorOptions, 'splice' | 'limits'>,
): Promise<Code | null> {
  const { code } = await splice(near, far, { idleMs: limits.upgradedIdleMs });
  return code;
}
