/** The keys of a configuration that say how mail is sent. */

import { z } from 'zod';
import type { MailPlan } from '../../contracts/mail.ts';
import { isLoopback, parseIp } from '../../core/address.ts';
import { mailAddress } from '../../core/policy/mail-address.ts';
import { formed, oneOf } from './pieces.ts';

const serverExpected = 'smtps://HOST or smtp://HOST, with a port if it is not 465 or 587';
const fromExpected = 'an address, alone or behind a name: Gate <gate@example.org>';
const secretExpected = 'the name of a stored secret, like mail';

type Server = Readonly<{ scheme: 'smtp' | 'smtps'; host: string; port: number }>;

function readServer(text: string): Server | null {
  const [, scheme = '', host = '', port] = /^(smtps?):\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]{1,253})(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
  const number = port === undefined ? (scheme === 'smtps' ? 465 : 587) : Number(port);
  if (host === '' || number < 1 || number > 65_535) return null;
  return { scheme: scheme === 'smtps' ? 'smtps' : 'smtp', host: host.replace(/^\[(.*)\]$/, '$1').toLowerCase(), port: number };
}

/** What stands beside the address is words without anything that a header could end with. */
function readFrom(text: string): Readonly<{ from: string; name: string | null }> | null {
  const [, name, angled] = /^([\p{L}\p{N} ._'-]{1,64}?) *<([^<>]+)>$/u.exec(text) ?? [];
  const from = mailAddress(angled ?? text);
  return from === null ? null : { from, name: name ?? null };
}

/** `mail:` of the whole file. */
export function mailKey() {
  const word = z.string({ error: 'a name' }).regex(/^[\x21-\x7e]{1,254}$/, 'a name without blanks');
  return z
    .strictObject(
      {
        smtp: formed(readServer, serverExpected).describe(
          'The server: smtps:// speaks TLS from the first byte, smtp:// begins it by STARTTLS.',
        ),
        from: formed(readFrom, fromExpected).describe('The sender, like gate@example.org.'),
        user: word.optional().describe('Our name at the server. Left out: it asks for none.'),
        secret: z
          .string({ error: secretExpected })
          .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, secretExpected)
          .optional()
          .describe('The name of the stored secret that is the password: sallyport secrets add mail --mail.'),
        starttls: oneOf(['required', 'off'])
          .prefault('required')
          .describe('off: mail is sent in the clear, codes and all. For a server on this machine.'),
        ca: z
          .string({ error: 'the path of a file' })
          .min(1, 'the path of a file')
          .max(4_096, 'a shorter path')
          .optional()
          .describe('A PEM file that is trusted for the server in place of the list of the system.'),
      },
      { error: 'how mail is sent, like { smtp: "smtps://mail.example.org", from: gate@example.org, user: gate, secret: mail }' },
    )
    .refine(({ user, secret }) => (user === undefined) === (secret === undefined), {
      path: ['secret'],
      message: 'user and secret together, or neither',
    })
    .refine(({ smtp, starttls }) => starttls === 'required' || (smtp.scheme === 'smtp' && isHere(smtp.host)), {
      path: ['starttls'],
      message: 'required, unless the server is smtp:// on this machine: whoever reads on the way comes in',
    })
    .optional()
    .describe('How mail is sent, for access by a code: { email: … }.');
}

export type CheckedMail = z.output<ReturnType<typeof mailKey>>;

/** @param absolute makes a path of the file absolute */
export function settleMail(mail: CheckedMail, absolute: (path: string) => string): Readonly<{ mail?: MailPlan }> {
  if (mail === undefined) return {};
  const { smtp, from, user, secret, starttls, ca } = mail;
  const security = smtp.scheme === 'smtps' ? 'tls' : starttls === 'off' ? 'plain' : 'starttls';
  const plan: MailPlan = {
    host: smtp.host,
    port: smtp.port,
    security,
    user: user ?? null,
    secret: secret ?? null,
    ...from,
    ca: ca === undefined ? null : absolute(ca),
  };
  return { mail: Object.freeze(plan) };
}

function isHere(host: string): boolean {
  const ip = parseIp(host);
  return ip === null ? host === 'localhost' : isLoopback(ip);
}
