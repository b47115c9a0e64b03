/** The visitor's side of a TCP service: TLS to its gateway, one head that asks for it, and then the service's own bytes. */

import { isIP } from 'node:net';
import { checkServerIdentity, connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { hostPort } from '../core/address.ts';
import { SallyportError } from '../core/errors.ts';
import { systemCode } from '../core/system-error.ts';
import { TcpAnswerReader, tcpOpeningText, type TcpCredential } from '../core/tcp-opening.ts';

export type LineOptions = Readonly<{
  /** Canonical, an IPv6 address in brackets. */
  host: string;
  port: number;
  /** Where to dial when it is not the host itself. */
  dial: string | null;
  /** PEM; what the certificate must chain to instead of the system's list. */
  ca: string | null;
  /** The client's own certificate with its chain, and its key, as PEM; null for none. */
  client?: Readonly<{ cert: string; key: string }> | null;
  /** The session of an earlier line to the same place, so that the next one begins sooner. */
  session?: { last: Buffer | null };
  /** For each step, until the far end's bytes can flow. */
  timeoutMs: number;
  signal: AbortSignal;
}>;

export type VisitOptions = LineOptions & Readonly<{ credential: TcpCredential }>;

/**
 * Resolves with the service's stream, which may be ended one way. The credential is sent once the certificate is known to be
 * right, and to nobody else. Errors: `address-unreachable`, `certificate-untrusted`, `connection-refused`, `interrupted`.
 */
export async function visit(options: VisitOptions): Promise<TLSSocket> {
  const socket = await secureLine(options);
  try {
    socket.write(tcpOpeningText(options.host, options.port, options.credential));
    await within(options, socket, answered(socket, options));
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/**
 * Resolves with a stream to a gateway whose certificate is right, and on which nothing was said yet.
 * Errors: `address-unreachable`, `certificate-untrusted`, `interrupted`.
 */
export async function secureLine(options: LineOptions): Promise<TLSSocket> {
  const socket = open(options);
  try {
    await within(options, socket, secured(socket, options));
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function open({ host, port, dial, ca, client, session }: LineOptions): TLSSocket {
  const name = host.replace(/^\[(.*)\]$/, '$1');
  const wanted: ConnectionOptions & Readonly<{ allowHalfOpen: true }> = {
    host: dial ?? name,
    port,
    // RFC 6066, 3: an address is no server name.
    servername: isIP(name) === 0 ? name : '',
    ALPNProtocols: ['http/1.1'],
    ...(ca === null ? {} : { ca }),
    ...client,
    ...(session === undefined || session.last === null ? {} : { session: session.last }),
    checkServerIdentity: (_, shown) => checkServerIdentity(name, shown),
    // Either side may end and still read.
    allowHalfOpen: true,
  };
  const socket = connect(wanted);
  socket.setNoDelay(true);
  if (session !== undefined) socket.on('session', (last) => (session.last = last));
  // Stays: a late error of a stream that nobody looks at must not end the process.
  return socket.on('error', () => undefined);
}

/** What is waited for, unless the person or the clock is faster. */
export async function within<Value>(
  { timeoutMs, signal, host, port }: LineOptions,
  socket: TLSSocket,
  work: Promise<Value>,
): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const interrupted = (): void => late.reject(new SallyportError('interrupted', 'It was ended before it was connected.'));
  const timer = setTimeout(() => late.reject(unreachable(hostPort(host, port), 'it does not answer in time')), timeoutMs);
  signal.addEventListener('abort', interrupted);
  try {
    if (signal.aborted) interrupted();
    return await Promise.race([work, late.promise]);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', interrupted);
    // Whoever lost the race is heard by nobody.
    work.catch(() => undefined);
    late.promise.catch(() => undefined);
  }
}

function secured(socket: TLSSocket, { host, port, ca }: LineOptions): Promise<void> {
  const where = hostPort(host, port);
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('close', () => reject(unreachable(where, 'it closed the connection')));
    socket.on('error', (error) => {
      const code = systemCode(error) ?? '';
      const own = /CERT|SELF_SIGNED|ISSUER|ALTNAME|UNABLE_TO/.test(code);
      if (!own) return reject(unreachable(where, code === 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME' ? 'nothing of that name is open there' : code));
      const hint =
        ca === null ? 'If it has a local CA, name its file: --ca ca.pem (its owner finds it with: sallyport ca)' : 'Is it the right --ca?';
      return reject(
        new SallyportError('certificate-untrusted', `The certificate of ${where} is not to be trusted (${code}).`, { hint, cause: error }),
      );
    });
  });
}

function answered(socket: TLSSocket, { host, port }: LineOptions): Promise<void> {
  const where = hostPort(host, port);
  const reader = new TcpAnswerReader();
  return new Promise((resolve, reject) => {
    const data = (bytes: Buffer): void => {
      const answer = reader.push(bytes);
      if (answer.is === 'more') return;
      socket.off('data', data);
      socket.pause();
      if (answer.is === 'malformed') return reject(unreachable(where, answer.fault.why));
      if (answer.is === 'refused') return reject(refused(where, answer.status));
      if (answer.next < bytes.length) socket.unshift(bytes.subarray(answer.next));
      return resolve();
    };
    socket.on('data', data);
    for (const event of ['end', 'close', 'error']) socket.once(event, () => reject(unreachable(where, 'it closed the connection')));
  });
}

export function unreachable(where: string, why: string): SallyportError {
  return new SallyportError('address-unreachable', `${where} is not reached: ${why}.`, {
    hint: 'Is the share open, and is the address right?',
  });
}

/** A stranger learns nothing from a refusal, and so neither do we. */
function refused(where: string, status: number): SallyportError {
  if (status >= 500)
    return new SallyportError('address-unreachable', `The service behind ${where} does not answer (${status}).`, {
      hint: 'Its owner has to start it.',
    });
  if (status === 429)
    return new SallyportError('connection-refused', `${where} takes no more tries for now (429).`, { hint: 'Wait some minutes.' });
  if (status === 426 || status < 400)
    return new SallyportError('connection-refused', `${where} is no TCP service (${status}).`, { hint: 'Open it in a browser.' });
  return new SallyportError('connection-refused', `${where} does not let us in (${status}).`, {
    hint: 'The link or password is wrong, has ended or is for another service; or nothing of that name is open.',
  });
}
