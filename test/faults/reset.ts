/** Breaks a connection by a reset (RST), as a machine does that was switched off and on again. */

import type { Socket } from 'node:net';

/** libuv resets nothing whose own side was ended, and Node then forgets the descriptor: such a one is closed. */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
