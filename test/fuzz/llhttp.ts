/** What Node's own HTTP parser (llhttp, strict) makes of the bytes of a connection: the oracle of the differential fuzz. */

import { createServer, type IncomingMessage, type Server } from 'node:http';
import { Duplex } from 'node:stream';

export type OracleRequest = {
  method: string;
  url: string;
  fields: readonly string[];
  body: string;
  trailers: readonly string[];
  complete: boolean;
};
export type OracleReading = { readonly requests: OracleRequest[]; error: string | null };

/** A connection in memory: what is written to it goes nowhere. */
class Wire extends Duplex {
  readonly reading: OracleReading = { requests: [], error: null };

  constructor() {
    super({ allowHalfOpen: true, readableHighWaterMark: 1 << 20, writableHighWaterMark: 1 << 20 });
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

/** A server that answers nothing, so that it reads to the end whatever was asked. */
export class Llhttp {
  readonly #server: Server;

  constructor() {
    this.#server = createServer({
      maxHeaderSize: 65_536,
      insecureHTTPParser: false,
      requireHostHeader: false,
      requestTimeout: 0,
      headersTimeout: 0,
    });
    this.#server.maxHeadersCount = 0;
    this.#server.on('request', take);
    this.#server.on('checkContinue', take);
    this.#server.on('checkExpectation', take);
    this.#server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
      (stream as unknown as Wire).reading.error ??= error.code ?? error.message;
    });
  }

  /** Reads many connections at once; resolves when the parser has seen them all. */
  async read(cases: readonly Buffer[]): Promise<readonly OracleReading[]> {
    const wires = cases.map((bytes) => {
      const wire = new Wire();
      this.#server.emit('connection', wire);
      wire.push(bytes);
      return wire;
    });
    // Streams deliver within a few turns of the loop; nothing here waits for time.
    for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    for (const wire of wires) wire.destroy();
    return wires.map(({ reading }) => reading);
  }

  close(): void {
    this.#server.close();
  }
}

function take(message: IncomingMessage): void {
  const { reading } = message.socket as unknown as Wire;
  const request: OracleRequest = {
    method: message.method ?? '',
    url: message.url ?? '',
    fields: message.rawHeaders,
    body: '',
    trailers: [],
    complete: false,
  };
  reading.requests.push(request);
  message.on('data', (chunk: Buffer) => (request.body += chunk.toString('latin1')));
  message.on('end', () => {
    request.complete = message.complete;
    request.trailers = message.rawTrailers;
  });
}
