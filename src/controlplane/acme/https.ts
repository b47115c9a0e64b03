/** Asks a certificate authority over HTTPS: verified, bounded in bytes and time, and never led elsewhere. */

import { Agent } from 'node:https';
import type { Closable } from '../../contracts/stream.ts';
import { SallyportError } from '../../core/errors.ts';
import { askHttps, httpsUrl, type HttpsFound } from '../outgoing/https.ts';

/** A chain of three certificates has some 6 KB, a directory 1 KB, a feed of certificates of one name some hundred. */
const bodyBytesMax = 1_048_576;
/** From the dial to the last byte. Let's Encrypt answers within a second; a finalization may take some. */
const patienceMs = 30_000;

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
  const url = httpsUrl(text);
  if (url === null) throw new SallyportError('authority-malformed', 'The certificate authority names an address that is no https URL.');
  return url;
}

async function ask(url: URL, method: string, body: string | null, agent: Agent, options: CaHttpsOptions): Promise<CaAnswer> {
  const { timeoutMs = patienceMs, bytesMax = bodyBytesMax, ca, signal } = options;
  const headers = { Accept: '*/*', ...(body === null ? {} : { 'Content-Type': 'application/jose+json' }) };
  const found = await askHttps({ method, url, headers, body }, { agent, ca, signal, timeoutMs, bytesMax });
  if (found.is === 'long') throw malformed(url, `it sends more than ${bytesMax} bytes`);
  if (found.is === 'answer') return answerOf(found);
  const { why, cause } = found;
  throw new SallyportError('authority-unreachable', `The certificate authority ${url.host} cannot be reached: ${why}.`, { cause });
}

function answerOf({ status, headers, body }: Extract<HttpsFound, { is: 'answer' }>): CaAnswer {
  const one = (name: string): string | null => {
    const value = headers[name];
    return typeof value === 'string' ? value : null;
  };
  return {
    status,
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

function hostOf(url: URL | string): string {
  return typeof url === 'string' ? (URL.parse(url)?.host ?? 'What answers') : url.host;
}
