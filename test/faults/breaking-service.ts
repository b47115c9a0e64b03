/** A service that breaks its connection at the point that the path names, by a reset (RST), and is an honest one on all other paths. */

import { createServer, type AddressInfo, type Socket } from 'node:net';
import { reset } from './reset.ts';

type Context = { after: (done: () => Promise<void>) => void };

/** What is sent before the reset. */
const beforeReset: Readonly<Record<string, string>> = {
  'at-head': '',
  'half-a-head': 'HTTP/1.1 200 OK\r\nContent-Le',
  'before-body': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n',
  'in-body': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it',
  'in-chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc',
  'before-last-chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
  'until-close': 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nsome of it',
  'after-answer': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'after-100': 'HTTP/1.1 100 Continue\r\n\r\n',
  'after-103': 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
  'after-101': 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'in-events': 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n',
};

/** The paths at which it breaks. */
export const breakingPaths: readonly string[] = [...Object.keys(beforeReset), 'in-upload'].map((name) => `/reset/${name}`);

const block = Buffer.alloc(65_536, 'x');
const downloadBytes = 4_000_000;

/**
 * `/download` sends 4 MB, `/held` a head and an event and no end, `/echo` switches protocols and echoes, all others "ok".
 * With `atOnce` every connection is reset as soon as it stands.
 */
export async function startBreakingService(context: Context, atOnce = false): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    if (atOnce) reset(socket);
    else serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Bodies are not read apart from heads: nobody asks twice on one connection while one is sent. */
function serve(socket: Socket): void {
  let text = '';
  let switched = false;
  socket.on('data', (bytes) => {
    if (switched) {
      socket.write(bytes);
      return;
    }
    text += bytes.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end === -1) return;
    const path = text.split(' ', 2)[1] ?? '';
    const body = text.slice(end + 4);
    if (path === '/reset/in-upload') {
      if (body !== '') reset(socket);
      return;
    }
    text = '';
    switched = path === '/echo';
    answer(socket, path);
  });
  socket.on('end', () => socket.end());
}

function answer(socket: Socket, path: string): void {
  const said = beforeReset[path.replace('/reset/', '')];
  if (said === '') reset(socket);
  // A reset throws away what was not sent yet: it follows when that has gone.
  else if (said !== undefined) socket.write(said, () => setImmediate(() => reset(socket)));
  else if (path === '/download') download(socket);
  else if (path === '/held') socket.write(beforeReset['in-events'] ?? '');
  else if (path === '/echo') socket.write(beforeReset['after-101'] ?? '');
  else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
}

function download(socket: Socket): void {
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${downloadBytes}\r\n\r\n`);
  let left = downloadBytes;
  const more = (): void => {
    while (left > 0 && socket.writable) {
      const piece = block.subarray(0, left);
      left -= piece.length;
      if (!socket.write(piece)) return void socket.once('drain', more);
    }
  };
  more();
}
