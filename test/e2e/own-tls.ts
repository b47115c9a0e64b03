/** A service with a certificate of its own that sends back what it gets, and a visitor's handshake with whatever answers. */

import { once } from 'node:events';
import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { loadIdentity } from '../../src/controlplane/certificates/identity.ts';
import { freshHome } from './program.ts';

type Context = Parameters<typeof freshHome>[0];

export type OwnTls = Readonly<{ port: number; fingerprint: string; streams: () => number }>;

/** Ends its side when the visitor has ended theirs. */
export async function startOwnTls(context: Context): Promise<OwnTls> {
  const { privateKey, certificate } = await loadIdentity(join(await freshHome(context), 'keys'), 'gateway');
  const live = new Set<TLSSocket>();
  const server = createServer({ key: privateKey, cert: certificate }, (socket) => {
    live.add(socket);
    socket.on('error', () => undefined).on('close', () => live.delete(socket));
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(async () => {
    for (const socket of live) socket.destroy();
    server.close();
  });
  const der = Buffer.from(certificate.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  const { port } = server.address() as AddressInfo;
  return { port, fingerprint: createHash('sha256').update(der).digest('hex'), streams: () => live.size };
}

export type Shaken = Readonly<{ socket: TLSSocket; fingerprint: string }>;

/** Shakes hands as whoever asks for `name` (null: nobody); rejects with the code of the alert or error. */
export function shake(context: Context, port: number, name: string | null): Promise<Shaken> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: name ?? '', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
    context.after(async () => void socket.destroy());
    socket.on('error', (error: NodeJS.ErrnoException) => reject(new Error(error.code)));
    socket.once('close', () => reject(new Error('closed')));
    socket.once('secureConnect', () => {
      const fingerprint = socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase() ?? '';
      resolve({ socket, fingerprint });
    });
  });
}

/** Sends bytes, ends, and resolves with what came back until the other side ended too. */
export async function echoedWhole(socket: TLSSocket, bytes: Uint8Array): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  const ended = once(socket, 'end');
  socket.end(bytes);
  await ended;
  return Buffer.concat(parts);
}
