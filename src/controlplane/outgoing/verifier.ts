/** Asks a verifier of others (Authelia, oauth2-proxy) about each request: pooled, bounded, verified, and never led elsewhere. */

import type { IncomingMessage, RequestOptions } from 'node:http';
import { Agent, request as requestTls } from 'node:https';
import type { VerifierAnswer, VerifierRequest } from '../../contracts/outgoing.ts';
import type { Closable } from '../../contracts/stream.ts';
import { isLoopback, parseIp } from '../../core/address.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { systemCode } from '../../core/system-error.ts';
import { Agent as PlainAgent, request as requestPlain } from '../node-http.ts';
import { httpsUrl } from './https.ts';

/** Connections to all verifiers together. More requests wait for one of them, as many as `verifierAtOnceMax`. */
const socketsMax = 64;

export type Verifiers = Closable & Readonly<{ verify: (request: VerifierRequest) => Promise<VerifierAnswer> }>;

export function createVerifiers(limits: Limits): Verifiers {
  const stop = new AbortController();
  const options = { keepAlive: true, maxSockets: socketsMax, timeout: limits.poolIdleMs } as const;
  const [plain, secure] = [new PlainAgent(options), new Agent(options)];
  let running = 0;
  return {
    verify: async ({ url: text, fields, ca }) => {
      const url = verifierUrl(text);
      if (url === null) throw unreachable('the verifier', 'its address is neither https nor on this machine');
      if (running >= limits.verifierAtOnceMax) throw unreachable(url.host, 'too much is asked at this moment');
      running += 1;
      const patience = AbortSignal.timeout(limits.verifierMs);
      const how: RequestOptions = {
        method: 'GET',
        headers: { 'User-Agent': 'sallyport', ...fields },
        signal: AbortSignal.any([stop.signal, patience]),
        maxHeaderSize: limits.headBytesMax,
      };
      // Said here, so that no environment variable unsays it.
      const tls = { agent: secure, rejectUnauthorized: true, minVersion: 'TLSv1.2', ...(ca === null ? {} : { ca }) } as const;
      const ask = url.protocol === 'http:' ? () => requestPlain(url, { ...how, agent: plain }) : () => requestTls(url, { ...how, ...tls });
      try {
        return await answered(ask, limits.verifierBytesMax);
      } catch (error) {
        throw unreachable(url.host, patience.aborted ? 'it takes too long' : (systemCode(error) ?? 'the connection broke'), error);
      } finally {
        running -= 1;
      }
    },
    close: async () => {
      stop.abort();
      plain.destroy();
      secure.destroy();
    },
  };
}

/** `https:`, or `http:` on this very machine: in the clear on a network anybody on the way could say who a visitor is. */
export function verifierUrl(text: string): URL | null {
  const found = httpsUrl(text);
  if (found !== null) return found;
  const url = URL.parse(text.length > 2_048 ? '' : text);
  if (url === null || url.protocol !== 'http:' || url.username !== '' || url.password !== '') return null;
  const ip = parseIp(url.hostname.replace(/^\[(.*)\]$/, '$1'));
  return url.hostname === 'localhost' || (ip !== null && isLoopback(ip)) ? url : null;
}

/** What it says besides status and fields is read to its end, so that the connection can be used again, and kept nowhere. */
function answered(ask: () => ReturnType<typeof requestPlain>, bytesMax: number, again = true): Promise<VerifierAnswer> {
  return new Promise((resolve, reject) => {
    const asked = ask();
    asked.on('error', (error) => {
      // The other side closed an idle connection just as it was taken: it has seen nothing, and to ask twice changes nothing.
      if (again && asked.reusedSocket && systemCode(error) === 'ECONNRESET') resolve(answered(ask, bytesMax, false));
      else reject(error);
    });
    asked.once('response', (response: IncomingMessage) => {
      let bytes = 0;
      response.on('error', reject);
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > bytesMax) response.destroy(new Error('it sends too much'));
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, fields: pairsOf(response.rawHeaders) }));
      // A second `reject` does nothing: this is for an end that nobody announced.
      response.once('close', () => reject(new Error('the connection broke')));
    });
    asked.end();
  });
}

/** In their order, names in small letters; a field that came again stands again. */
function pairsOf(raw: readonly string[]): readonly (readonly [string, string])[] {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), raw[at + 1] ?? ''] as const] : []));
}

function unreachable(who: string, why: string, cause?: unknown): SallyportError {
  return new SallyportError('verifier-unreachable', `${who} cannot be asked: ${why}.`, cause === undefined ? {} : { cause });
}
