/** Comes by the visitor's way to a service whose TLS is passed on unread, and looks whether it is that service that answers. */

import { isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { hostPort } from '../../core/address.ts';
import { systemCode } from '../../core/system-error.ts';
import type { Reached, Through } from './reach.ts';

type Dial = Readonly<{ host: string; port: number }>;

export type PassageOptions = Readonly<{
  /** The name that visitors ask for. */
  name: string;
  /** Where visitors dial. */
  outside: Dial;
  /** Where the service itself listens. */
  service: Dial;
  /** Whether our own refusal is a good sign, too: only some addresses are let in, and ours need not be one of them. */
  byAddress: boolean;
  signal: AbortSignal;
  /** How the outside is dialled behind a proxy. */
  through?: Through;
  /** How the service is dialled where it wants a PROXY header first. */
  throughToService?: Through;
  timeoutMs?: number;
}>;

const timeoutMsDefault = 5_000;

/** OpenSSL's name for TLS's alert 112 (RFC 6066, 3): what a gateway says to whom it does not let in. */
const refusedByUs = 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME';

/**
 * Shakes hands twice, with the service itself and by the visitor's way, and compares the certificates: whoever shows it has
 * its key. Not a byte of a protocol is sent. Never throws. It finds mistakes; it is no proof against a hostile relay.
 */
export async function reachPassage(options: PassageOptions): Promise<Reached> {
  const there = await shakeAt(options.service, options.throughToService, options);
  if (!there.ok) return failed(`the service at ${hostPort(options.service.host, options.service.port)} ${there.why}`);
  const outside = await shakeAt(options.outside, options.through, options);
  if (!outside.ok) {
    if (options.byAddress && outside.code === refusedByUs) return { ok: true };
    return failed(`${hostPort(options.outside.host, options.outside.port)} ${outside.why}`);
  }
  if (there.fingerprint === outside.fingerprint) return { ok: true };
  return failed(`another certificate than the service's is shown there (SHA-256 ${outside.fingerprint}): somebody else ends the TLS`);
}

function failed(why: string): Reached {
  return { ok: false, code: 'self-check-failed', why };
}

type Shaken = Readonly<{ ok: true; fingerprint: string }> | Readonly<{ ok: false; code: string | null; why: string }>;

async function shakeAt(place: Dial, through: Through | undefined, options: PassageOptions): Promise<Shaken> {
  const { timeoutMs = timeoutMsDefault } = options;
  if (through === undefined) return shake(place, { ...options, line: null });
  try {
    return await shake(place, {
      ...options,
      line: await through(place, AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)])),
    });
  } catch (error) {
    return { ok: false, code: systemCode(error), why: error instanceof Error ? `is not reached (${error.message})` : wordsOf(null) };
  }
}

type Shake = Pick<PassageOptions, 'name' | 'signal' | 'timeoutMs'> & Readonly<{ line: Socket | null }>;

function shake({ host, port }: Dial, { name, signal, line, timeoutMs = timeoutMsDefault }: Shake): Promise<Shaken> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve({ ok: false, code: null, why: 'was not asked' });
    // Whom the certificate is trusted by is between the service and its visitors: it is compared, not judged.
    const socket = connectTls({
      ...(line === null ? { host, port } : { socket: line }),
      servername: isIP(name) === 0 ? name : '',
      rejectUnauthorized: false,
    });
    const settle = (shaken: Shaken): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', ended);
      resolve(shaken);
      socket.destroy();
    };
    const timer = setTimeout(() => settle({ ok: false, code: null, why: 'does not answer in time' }), timeoutMs);
    const ended = (): void => settle({ ok: false, code: null, why: 'was not asked to the end' });
    signal.addEventListener('abort', ended);
    socket.on('error', (error) => settle({ ok: false, code: systemCode(error), why: wordsOf(systemCode(error)) }));
    socket.once('close', () => settle({ ok: false, code: null, why: 'closes the connection' }));
    socket.once('secureConnect', () => {
      const shown = socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase();
      settle(shown === undefined ? { ok: false, code: null, why: 'shows no certificate' } : { ok: true, fingerprint: shown });
    });
  });
}

function wordsOf(code: string | null): string {
  if (code === 'ECONNREFUSED') return 'takes no connection: nothing listens there';
  if (code === refusedByUs) return 'does not know this name, or the service behind it is away';
  if (code?.startsWith('ERR_SSL_') === true) return 'does not speak TLS as we do';
  return `cannot be reached (${code ?? 'unknown'})`;
}
