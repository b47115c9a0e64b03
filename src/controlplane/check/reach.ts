/** Comes by the visitor's way to our own address, and looks whether it is us who answer. */

import { createHmac, timingSafeEqual, type X509Certificate } from 'node:crypto';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls';
import type { Code } from '../../core/errors.ts';
import { systemCode } from '../../core/system-error.ts';

export type ReachOptions = Readonly<{
  /** The address that is to be printed. Its path is not asked for. */
  url: string;
  /** Where to dial; null looks the URL's own host up, `*.localhost` always as 127.0.0.1 (RFC 6761, 6.3: resolvers need not know it). */
  dial: Readonly<{ host: string; port: number }> | null;
  /** PEM; what the certificate must chain to. Null: the system's list. */
  ca: string | null;
  /** SHA-256 of the leaf (DER) in hex; null on plain HTTP, or where another process holds the key. */
  fingerprint: string | null;
  /** Of this start (`Snapshot.checkNonce`). Shown only to who has shown our certificate. */
  nonce: string;
  signal: AbortSignal;
  /** Opens the connection where it must be asked for: behind a proxy. Left out, it is dialled. */
  through?: Through;
  timeoutMs?: number;
  /** Told of a certificate that is not ours. */
  onOther?: (shown: X509Certificate) => void;
}>;

/** Opens a connection in another way than by dialling it. Ends it when the signal does. */
export type Through = (to: Readonly<{ host: string; port: number }>, signal: AbortSignal) => Promise<Socket>;

export type Reached = Readonly<{ ok: true }> | Readonly<{ ok: false; code: Code; why: string }>;

/** The head of our own refusal has some 300 bytes. */
const headBytesMax = 16_384;
const timeoutMsDefault = 5_000;

/**
 * Dials, checks that the certificate shown is ours before a byte is sent, asks for `/` with the nonce, and checks the proof in
 * the refusal. No visitor's data goes over the wire, and nothing is believed of what comes back but the proof.
 * Never throws. It finds mistakes; it is no proof against a relay that lets us through and others not.
 */
export async function reachSelf(options: ReachOptions): Promise<Reached> {
  const url = new URL(options.url);
  const { signal, cancel } = bounded(options);
  try {
    const socket = await open(options, url, signal);
    try {
      const wrong = options.fingerprint === null ? null : wrongCertificate(socket, options.fingerprint, options.onOther);
      if (wrong !== null) return failed(wrong);
      socket.write(
        `GET / HTTP/1.1\r\nHost: ${url.host}\r\nUser-Agent: sallyport-check\r\nSallyport-Check: ${options.nonce}\r\nConnection: close\r\n\r\n`,
      );
      return judge(await readHead(socket, signal), options.nonce);
    } finally {
      socket.destroy();
    }
  } catch (error) {
    return failed(reason(error, signal, options, url));
  } finally {
    cancel();
  }
}

function failed(why: string): Reached {
  return { ok: false, code: 'self-check-failed', why };
}

/** The caller's signal, and the end of our patience. */
function bounded({ signal, timeoutMs = timeoutMsDefault }: ReachOptions): { readonly signal: AbortSignal; readonly cancel: () => void } {
  const own = new AbortController();
  const timer = setTimeout(() => own.abort(new Error('timed out')), timeoutMs);
  return { signal: AbortSignal.any([signal, own.signal]), cancel: () => clearTimeout(timer) };
}

async function open(options: ReachOptions, url: URL, signal: AbortSignal): Promise<Socket | TLSSocket> {
  const secure = url.protocol === 'https:';
  const name = url.hostname.replace(/^\[|\]$/g, '');
  const local = name === 'localhost' || name.endsWith('.localhost');
  const { host, port } = options.dial ?? {
    host: local ? '127.0.0.1' : name,
    port: Number(url.port === '' ? (secure ? 443 : 80) : url.port),
  };
  const line = options.through === undefined ? null : await options.through({ host, port }, signal);
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    if (line !== null && !secure) return resolve(line);
    const socket = secure
      ? connectTls({
          ...(line === null ? { host, port } : { socket: line }),
          // RFC 6066, 3: an address is no server name.
          ...(isIP(name) === 0 ? { servername: name } : { servername: '' }),
          // What is trusted may be a certificate itself: one that its owner signed, or the end of a chain in a file.
          ...(options.ca === null ? {} : { ca: options.ca, allowPartialTrustChain: true }),
          ALPNProtocols: ['http/1.1'],
          // Judged below, with better words; nothing is sent before.
          rejectUnauthorized: false,
          // The name that visitors ask for, wherever we dial.
          checkServerIdentity: (_, shown) => checkServerIdentity(name, shown),
        })
      : connectPlain({ host, port });
    signal.addEventListener('abort', () => socket.destroy(new Error('timed out')), { once: true });
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('it closed the connection')));
    socket.once(secure ? 'secureConnect' : 'connect', () => resolve(socket));
  });
}

function wrongCertificate(socket: Socket | TLSSocket, fingerprint: string, onOther: ReachOptions['onOther']): string | null {
  const shown = 'getPeerX509Certificate' in socket ? socket.getPeerX509Certificate() : undefined;
  if (shown === undefined) return 'no certificate is shown there';
  const seen = shown.fingerprint256.replaceAll(':', '').toLowerCase();
  if (seen !== fingerprint) {
    onOther?.(shown);
    return `another certificate is shown there (SHA-256 ${seen}): somebody else ends the TLS`;
  }
  const { authorizationError } = socket as TLSSocket;
  // Null by itself when all is well, whatever its type says.
  return authorizationError ? `visitors would refuse our certificate (${String(authorizationError)})` : null;
}

function readHead(socket: Socket, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let head = '';
    signal.addEventListener('abort', () => reject(new Error('timed out')), { once: true });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('it closed the connection without an answer')));
    socket.on('data', (bytes: Buffer) => {
      head += bytes.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end !== -1) resolve(head.slice(0, end));
      else if (head.length > headBytesMax) reject(new Error('its answer has no end'));
    });
  });
}

function judge(head: string, nonce: string): Reached {
  const [first = '', ...lines] = head.split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1];
  if (status === undefined) return failed('what answers there does not speak HTTP');
  const proofs = lines.flatMap((line) => /^sallyport-check:[ \t]*([0-9a-f]{64})[ \t]*$/i.exec(line)?.[1] ?? []);
  const wanted = createHmac('sha256', nonce).update('reached').digest();
  const given = Buffer.from(proofs[0] ?? '', 'hex');
  if (proofs.length !== 1 || given.length !== wanted.length || !timingSafeEqual(given, wanted))
    return failed(`another program answers there (status ${status})`);
  if (status !== '401' && status !== '403') return failed(`a stranger would be let in (status ${status})`);
  return { ok: true };
}

function reason(error: unknown, signal: AbortSignal, options: ReachOptions, url: URL): string {
  const at = options.dial === null ? url.host : `${options.dial.host}:${options.dial.port}`;
  if (options.signal.aborted) return 'the check was ended';
  if (signal.aborted) return `nothing answers at ${at} in time`;
  switch (systemCode(error)) {
    case 'ECONNREFUSED':
      return `nothing listens at ${at}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name ${url.hostname} has no address`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `there is no way to ${at}`;
    case 'ECONNRESET':
      return `${at} cuts the connection`;
    default:
      return `${at} cannot be reached (${error instanceof Error ? error.message.slice(0, 120) : 'unknown'})`;
  }
}
