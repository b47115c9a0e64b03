/** The keys of a configuration that say where certificates are ordered. */

import { z } from 'zod';
import { letsEncrypt, letsEncryptStaging, type AcmePlan } from '../acme/plan.ts';
import { formed, oneOf } from './pieces.ts';

const urlExpected = 'an https URL';
const serialExpected = 'the serial number of a certificate in hex, like 04a1f3';

function readUrl(text: string): string | null {
  const url = text.length > 2_048 ? null : URL.parse(text);
  return url?.protocol === 'https:' && url.username === '' && url.password === '' ? text : null;
}

function readSerial(text: string): string | null {
  const plain = text.replaceAll(':', '').toLowerCase();
  return /^[0-9a-f]{1,40}$/.test(plain) ? plain.replace(/^0+(?=.)/, '') : null;
}

/** `acme:` of the whole file. */
export function acmeKey() {
  const path = z.string({ error: 'the path of a file' }).min(1, 'the path of a file').max(4_096, 'a shorter path');
  return z
    .strictObject(
      {
        agree: z
          .boolean({ error: 'true or false' })
          .prefault(false)
          .describe('true: you have read the terms of service of the authority, and agree. Nothing is ordered before.'),
        email: z
          .string({ error: 'an e-mail address' })
          .max(254, 'a shorter address')
          .regex(/^[^\s@,?]+@[^\s@,?]+$/, 'an e-mail address')
          .optional()
          .describe('Where the authority writes to when something is wrong with a certificate.'),
        directory: formed(readUrl, urlExpected).optional().describe("The authority's directory. Let's Encrypt when left out."),
        staging: z
          .boolean({ error: 'true or false' })
          .prefault(false)
          .describe("Let's Encrypt's staging authority, for trying out: browsers do not trust it, and its limits are wide."),
        challenge: oneOf(['auto', 'http-01', 'tls-alpn-01', 'dns-01'])
          .prefault('auto')
          .describe('How the authority sees that a name is ours. auto: dns-01 where there is a hook, else what the listeners allow.'),
        hook: path.optional().describe('For dns-01: a program that writes and removes a DNS record; see the guide.'),
        profile: z
          .string({ error: 'a name' })
          .regex(/^[A-Za-z0-9_-]{1,64}$/, 'a name of letters, digits, _ and -')
          .optional()
          .describe('A kind of certificate that the authority offers, like shortlived.'),
        ca: path.optional().describe("A PEM file: who signed the authority's own HTTPS, where that is no public one."),
        watch: oneOf(['alert', 'close'])
          .prefault('alert')
          .describe('What happens when somebody else has a certificate for one of our names. close: the service is closed.'),
        feed: formed(readUrl, urlExpected)
          .optional()
          .describe('A feed of Certificate Transparency with the JSON of crt.sh; {name} stands for the name.'),
        known: z
          .array(formed(readSerial, serialExpected), { error: 'a list of serial numbers' })
          .max(100, 'at most 100')
          .prefault([])
          .describe('Serial numbers of certificates that you ordered elsewhere.'),
      },
      { error: 'settings like { agree: true, email: ana@example.org }' },
    )
    .optional()
    .describe('A public certificate for each name, ordered and renewed by itself (ACME, RFC 8555).');
}

/** `acme:` of a service. */
export function serviceAcmeKey() {
  return oneOf(['on', 'off']).prefault('on').describe('off: no certificate is ordered for the names of this service.');
}

type Checked = z.output<ReturnType<typeof acmeKey>>;

/** Null without `acme:`. @param absolute makes a path of the file absolute, seen from the file's own folder */
export function settleAcme(file: Checked, absolute: (path: string) => string): AcmePlan | null {
  if (file === undefined) return null;
  return Object.freeze({
    email: file.email ?? null,
    directory: file.directory ?? (file.staging ? letsEncryptStaging : letsEncrypt),
    agree: file.agree,
    challenge: file.challenge,
    hook: file.hook === undefined ? null : absolute(file.hook),
    profile: file.profile ?? null,
    ca: file.ca === undefined ? null : absolute(file.ca),
    watch: file.watch,
    feed: file.feed ?? null,
    known: file.known,
  });
}
