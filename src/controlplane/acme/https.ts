/** Asks a certificate authority over HTTPS: verified, bounded in bytes and time, and never led elsewhere. */

import { Agent, request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { Closable } from '../../contracts/stream.ts';
import { SallyportError } from '../../core/errors.ts';
import { systemCode } from '../../core/system-error.ts';

/** A chain of three certificates has some 6 KB, a directory 1 KB, a feed of certificates of one name some hundred. */
const bodyBytesMax = 1_048_576;
/** From the dial to the last byte. Let's Encrypt answers within a second; a finalization may take some. */
const patienceMs = 30_000;
/** RFC 8555 gives no bound. Those of the known authorities have some 80 characters. */
const urlCharsMax = 2_048;

export type CaAnswer = Readonly<{
  status: number;
  /** Without parameters, in small letters; empty when there is none. */
  type: string;
  body: string;
  location: string | null;
  nonce: string | null;
  retryAfter: string | null;
  date: string | null;
}>;

/** Errors of `ask`: `authority-unreachable`, `authority-malformed`. What comes back is a stranger's text. */
export interface CaHttps extends Closable {
  ask(method: 'GET' | 'HEAD' | 'POST', url: string, body?: string): Promise<CaAnswer>;
}

export type CaHttpsOptions = Readonly<{
  /** PEM; trusted in place of the system's list. Null: the list. */
  ca: string | null;
  /** Ends what runs. */
  signal: AbortSignal;
  timeoutMs?: number;
  bytesMax?: number;
}>;

export function createCaHttps(options: CaHttpsOptions): CaHttps {
  const agent = new Agent({ keepAlive: true, maxSockets: 4, timeout: patienceMs });
  return {
    ask: (method, url, body) => ask(checkUrl(url), method, body ?? null, agent, options),
    close: async () => agent.destroy(),
  };
}

/** Only https: a directory in the clear could be anybody's, and what it names as well. */
function checkUrl(text: string): URL {
  const url = URL.parse(text.length > urlCharsMax ? '' : text);
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '')
    throw new SallyportError('authority-malformed', 'The certificate authority names an address that is no https URL.');
  return url;
}

function ask(url: URL, method: string, body: string | null, agent: Agent, options: CaHttpsOptions): Promise<CaAnswer> {
  const { timeoutMs = patienceMs, bytesMax = bodyBytesMax } = options;
  const patience = AbortSignal.timeout(timeoutMs);
  const how: RequestOptions = {
    method,
    agent,
    signal: AbortSignal.any([options.signal, patience]),
    headers: {
      // RFC 8555, 6.1: a client names itself.
      'User-Agent': 'sallyport',
      Accept: '*/*',
      'Accept-Encoding': 'identity',
      ...(body === null ? {} : { 'Content-Type': 'application/jose+json', 'Content-Length': Buffer.byteLength(body) }),
    },
    // Said here, so that no environment variable unsays it.
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(options.ca === null ? {} : { ca: options.ca }),
  };
  return new Promise((resolve, reject) => {
    const refuse = (error: unknown): void => reject(error instanceof SallyportError ? error : unreachable(url, error, patience.aborted));
    const asked = request(url, how, (response) => {
      readBody(response, bytesMax).then((text) => {
        if (text === null) reject(malformed(url, `it sends more than ${bytesMax} bytes`));
        else resolve(answerOf(response, text));
      }, refuse);
    });
    asked.on('error', refuse);
    asked.end(body ?? undefined);
  });
}

/** Null when it is longer than that; it is cut then. */
async function readBody(response: IncomingMessage, bytesMax: number): Promise<string | null> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of response) {
    if (!Buffer.isBuffer(piece)) continue;
    length += piece.length;
    // Leaving the loop destroys the response and its connection.
    if (length > bytesMax) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function answerOf({ statusCode = 0, headers }: IncomingMessage, body: string): CaAnswer {
  const one = (name: string): string | null => {
    const value = headers[name];
    return typeof value === 'string' ? value : null;
  };
  return {
    status: statusCode,
    type: (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '',
    body,
    location: headers.location ?? null,
    nonce: one('replay-nonce'),
    retryAfter: one('retry-after'),
    date: headers.date ?? null,
  };
}

export function malformed(url: URL | string, why: string): SallyportError {
  return new SallyportError('authority-malformed', `${hostOf(url)} does not answer as a certificate authority: ${why}.`, {
    hint: 'Look whether acme: directory: names the right address.',
  });
}

function unreachable(url: URL, cause: unknown, late: boolean): SallyportError {
  const code = systemCode(cause) ?? '';
  const why = late
    ? 'it takes too long'
    : /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|ALTNAME/.test(code)
      ? `its own certificate is not trusted (${code})`
      : code === ''
        ? 'the connection broke'
        : code;
  return new SallyportError('authority-unreachable', `The certificate authority ${url.host} cannot be reached: ${why}.`, { cause });
}

function hostOf(url: URL | string): string {
  return typeof url === 'string' ? (URL.parse(url)?.host ?? 'What answers') : url.host;
}
