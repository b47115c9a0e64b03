/** The control socket: a unix socket that only this user can open, with one small JSON route a verb. */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { SallyportError } from '../../core/errors.ts';
import type { Json } from '../../contracts/store.ts';
import type { Closable } from '../../contracts/stream.ts';
import type { Home } from '../home.ts';
import { createServer } from '../node-http.ts';
import { placeFor, removePlace } from './socket-path.ts';
import { isVerb, requests, type ControlVerbs } from './verbs.ts';

/** A request names a service or a URL. */
const bodyBytesMax = 65_536;
const connectionsMax = 64;
const requestMs = 10_000;

export type ControlOptions = Readonly<{
  /** Told of our own faults: what a verb threw that is no SallyportError. */
  onFault: (error: unknown) => void;
  pid?: number;
  env?: NodeJS.ProcessEnv;
}>;

/**
 * Serves the verbs on `HOME/run/PID.sock` (0600). Who may open the directory may command the process: no other check is made,
 * and no web page can reach a unix socket (so neither DNS rebinding nor a forged request of a browser).
 * Errors: `home-unwritable`, `disk-full`.
 */
export async function serveControl(home: Home, verbs: ControlVerbs, options: ControlOptions): Promise<Closable> {
  const place = await placeFor(home, options.pid ?? process.pid, options.env ?? process.env);
  const server = createServer(
    { maxHeaderSize: 8_192, requestTimeout: requestMs, headersTimeout: requestMs, keepAlive: false },
    (request, response) => {
      answer(verbs, request, response, options.onFault).catch(options.onFault);
    },
  );
  server.maxConnections = connectionsMax;
  server.keepAliveTimeout = 1;
  await listen(server, place.socket);
  let closed: Promise<void> | null = null;
  return {
    close: () => {
      closed ??= (async () => {
        const done = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeIdleConnections();
        // The answer to `stop` is on its way out: it has a moment.
        const cut = setTimeout(() => server.closeAllConnections(), 200);
        await done;
        clearTimeout(cut);
        await removePlace(place);
      })();
      return closed;
    },
  };
}

/** Made with its mode, never given it later: between the two anybody could connect. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new SallyportError('home-unwritable', `The control socket ${path} cannot be made.`, {
          cause,
          hint: 'Check the rights and the kind of file system of the state directory.',
        }),
      ),
    );
    const before = process.umask(0o177);
    try {
      // The bind happens in this call.
      server.listen(path, () => {
        server.on('error', () => undefined);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

async function answer(
  verbs: ControlVerbs,
  request: IncomingMessage,
  response: ServerResponse,
  onFault: (error: unknown) => void,
): Promise<void> {
  try {
    const verb = /^\/v1\/([a-z-]{1,40})$/.exec(request.url ?? '')?.[1] ?? '';
    if (request.method !== 'POST' || !isVerb(verb) || verbs[verb] === undefined) {
      // A relay opens no services: for who asks that, it is not there.
      send(response, 404, { unknown: verb });
      return;
    }
    const body = await bodyOf(request);
    const read = requests[verb].safeParse(body);
    if (!read.success) {
      send(response, 400, fault('usage-wrong', `The command ${verb} cannot be read: ${read.error.issues[0]?.message ?? 'malformed'}.`));
      return;
    }
    // Each verb's own schema has just made what its own function takes: TypeScript cannot see that both are of one key.
    const run = verbs[verb] as (input: unknown) => Json | Promise<Json>;
    send(response, 200, { answer: await run(read.data) });
  } catch (error) {
    if (!(error instanceof SallyportError)) onFault(error);
    send(
      response,
      422,
      error instanceof SallyportError
        ? fault(error.code, error.message, error.hint)
        : fault('program-failed', 'The process failed at this command.'),
    );
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request) {
    if (!Buffer.isBuffer(piece)) continue;
    length += piece.length;
    if (length > bodyBytesMax) throw new SallyportError('usage-wrong', `A command has ${bodyBytesMax} bytes at most.`);
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function fault(code: string, message: string, hint: string | null = null): Json {
  return { error: { code, message, hint } };
}

function send(response: ServerResponse, status: number, body: Json): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': bytes.length, Connection: 'close' }).end(bytes);
}
