/** One letter over SMTP (RFC 5321): over TLS that is verified, unless the operator said otherwise, and within its time. */

import { connect, isIP, type Socket } from 'node:net';
import { z } from 'zod';
import type { Letter, MailPlan } from '../../contracts/mail.ts';

export type Server = Omit<MailPlan, 'secret' | 'ca'> &
  Readonly<{
    /** PEM; trusted in place of the system's list. Null: the list. */
    ca: string | null;
    password: () => string | null;
  }>;

/** `isLasting`: it would fail again. No secret in the words. */
export type Failure = Readonly<{ why: string; isLasting: boolean }>;

/** What is looked at of an error of the library. */
const seen = z.object({
  code: z.string().optional(),
  originalCode: z.string().optional(),
  responseCode: z.int().min(200).max(599).optional(),
});

/** Null when the server has taken it. Never rejects; `signal` ends the connection. */
export async function deliver(server: Server, letter: Letter, signal: AbortSignal): Promise<Failure | null> {
  // Read when the first mail is sent: most gateways send none.
  const { createTransport } = await import('nodemailer');
  const { host, port, security, user, ca } = server;
  const password = server.password();
  let line: Socket | null = null;
  const end = (): void => void line?.destroy();
  signal.addEventListener('abort', end, { once: true });
  const transport = createTransport({
    host,
    port,
    // What we call ourselves: the machine's name is nobody's business.
    name: domainOf(server.from),
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'plain',
    tls: {
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      ...(isIP(host) === 0 ? { servername: host } : { host }),
      ...(ca === null ? {} : { ca }),
    },
    ...(user === null || password === null ? {} : { auth: { user, pass: password } }),
    // A line of our own, so that it can be ended.
    getSocket: (_options: unknown, done: (error: Error | null, found?: { connection: Socket }) => void) => {
      line = connect({ host, port, signal });
      line.once('error', (error) => done(error));
      line.once('connect', () => done(null, { connection: line as Socket }));
    },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    await transport.sendMail({
      from: { name: server.name ?? '', address: server.from },
      to: { name: '', address: letter.to },
      // The one whom it goes to, whatever a header says.
      envelope: { from: server.from, to: [letter.to] },
      subject: letter.subject,
      text: letter.text,
      // RFC 3834: no holiday note answers it.
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    });
    return null;
  } catch (error) {
    return failureOf(error, signal);
  } finally {
    signal.removeEventListener('abort', end);
    transport.close();
    end();
  }
}

/** What the server said stays out: it may repeat the address, and is a stranger's text. Its number tells enough (RFC 5321, 4.2). */
function failureOf(error: unknown, signal: AbortSignal): Failure {
  const { code = '', originalCode, responseCode: status } = seen.safeParse(error).data ?? {};
  // The system's own word stands behind that of the library.
  const cause = originalCode ?? code;
  if (signal.aborted) return { why: 'it takes too long', isLasting: false };
  if (code === 'EAUTH')
    return { why: `it does not take our name and password${status === undefined ? '' : ` (${status})`}`, isLasting: true };
  if (/CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|ALTNAME/.test(cause))
    return { why: `its certificate is not trusted (${cause})`, isLasting: true };
  if (code === 'ETLS') return { why: 'it does not speak TLS, which is asked for', isLasting: true };
  if (status !== undefined) return { why: `it answers ${status}`, isLasting: status >= 500 };
  return { why: /^[A-Z][A-Z0-9_]{2,40}$/.test(cause) ? cause : 'the connection broke', isLasting: false };
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
