/** One request over HTTPS: verified, bounded in bytes and time, and never led elsewhere. */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request, type Agent, type RequestOptions } from 'node:https';
import { systemCode } from '../../core/system-error.ts';

/** The longest address that is asked: those of known authorities and issuers have some 80 characters. */
const urlCharsMax = 2_048;

export type HttpsRequest = Readonly<{ method: string; url: URL; headers: Readonly<Record<string, string>>; body: string | null }>;

export type HttpsRules = Readonly<{
  agent: Agent;
  /** PEM; trusted in place of the system's list. Null: the list. */
  ca: string | null;
  /** Ends what runs. */
  signal: AbortSignal;
  /** From the dial to the last byte, milliseconds. */
  timeoutMs: number;
  bytesMax: number;
}>;

export type HttpsFound =
  | Readonly<{ is: 'answer'; status: number; headers: IncomingHttpHeaders; body: string }>
  /** It sends more bytes than are read. */
  | Readonly<{ is: 'long' }>
  | Readonly<{ is: 'unreachable'; why: string; cause: unknown }>;

/** Only https, without a name and a password: in the clear it could be anybody's. Null for any other text. */
export function httpsUrl(text: string): URL | null {
  const url = URL.parse(text.length > urlCharsMax ? '' : text);
  return url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '' ? null : url;
}

/** Never rejects. */
export function askHttps({ method, url, headers, body }: HttpsRequest, rules: HttpsRules): Promise<HttpsFound> {
  const patience = AbortSignal.timeout(rules.timeoutMs);
  const how: RequestOptions = {
    method,
    agent: rules.agent,
    signal: AbortSignal.any([rules.signal, patience]),
    headers: {
      'User-Agent': 'sallyport',
      'Accept-Encoding': 'identity',
      ...headers,
      ...(body === null ? {} : { 'Content-Length': Buffer.byteLength(body) }),
    },
    // Said here, so that no environment variable unsays it.
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(rules.ca === null ? {} : { ca: rules.ca }),
  };
  return new Promise((resolve) => {
    const broken = (cause: unknown): void => resolve({ is: 'unreachable', why: reasonOf(cause, patience.aborted), cause });
    const asked = request(url, how, (response) => {
      readBody(response, rules.bytesMax).then(
        (text) =>
          resolve(
            text === null ? { is: 'long' } : { is: 'answer', status: response.statusCode ?? 0, headers: response.headers, body: text },
          ),
        broken,
      );
    });
    asked.on('error', broken);
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

function reasonOf(cause: unknown, late: boolean): string {
  const code = systemCode(cause) ?? '';
  if (late) return 'it takes too long';
  if (/CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|ALTNAME/.test(code)) return `its own certificate is not trusted (${code})`;
  return code === '' ? 'the connection broke' : code;
}
