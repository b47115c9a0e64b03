/** Who a client of a proxy is, as options of a command: keys, users, and certificates by their very text or by the name in them. */

import { X509Certificate } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Client } from '../../contracts/clients.ts';
import type { Records } from '../../contracts/store.ts';
import { openClientRegister } from '../../controlplane/certificates/clients/register.ts';
import { SallyportError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import { certificateHolder, certificateSubject, fingerprintMark, markedFingerprint } from '../../core/policy/certificate-subject.ts';
import { userName } from '../../core/policy/credentials.ts';
import { systemCode } from '../../core/system-error.ts';
import { readName } from '../../modules/guards/mtls/names.ts';
import type { People } from '../people.ts';
import { gathered } from '../share-options.ts';

export type MemberOptions = Readonly<{
  key?: readonly string[];
  user?: readonly string[];
  certificate?: readonly string[];
  fingerprint?: readonly string[];
  holder?: readonly string[];
  token?: readonly string[];
}>;

/** A chain with its key has some 10 KB. */
const fileBytesMax = 65_536;

export function withMembers(command: Command): Command {
  return command
    .option('--key <name>', 'a key that exists', gathered)
    .option('--user <name>', 'a user that exists', gathered)
    .option('--certificate <file>', 'the client certificate in this PEM file, and no other', gathered)
    .option('--fingerprint <hex>', 'the client certificate with this SHA-256', gathered)
    .option('--holder <name>', 'whoever has a client certificate of this name, as the mtls of the proxy reads it', gathered)
    .option('--token <subject>', 'whoever shows access tokens of this subject, as the record says it: bearer:3f9a0c11:ci', gathered);
}

/** Errors: `key-missing`, `user-missing`, `usage-wrong`, `file-missing`, `certificate-unusable`. */
export async function membersOf(
  { key, user, certificate, fingerprint, holder, token }: MemberOptions,
  people: People,
): Promise<readonly string[]> {
  return [
    ...(key ?? []).map((each) => `key:${existingKey(people, each)}`),
    ...(user ?? []).map((each) => `user:${existingUser(people, each)}`),
    ...(await Promise.all((certificate ?? []).map(async (each) => fingerprintMark(await fingerprintIn(each))))),
    ...(fingerprint ?? []).map((each) => fingerprintMark(readFingerprint(each))),
    ...(holder ?? []).map((each) => certificateSubject(readHolder(each))),
    ...(token ?? []).map(readTokenSubject),
  ];
}

/** One of a client's, by as much of it as is not another's. Errors: `usage-wrong`. */
export function memberOf({ name, members }: Client, text: string): string {
  const wanted = text.replace(/…$/, '');
  const found = members.filter(
    (each) => each === wanted || (markedFingerprint(wanted) !== null && wanted.length >= 28 && each.startsWith(wanted)),
  );
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw new SallyportError('usage-wrong', `${JSON.stringify(text.slice(0, 80))} is none of the members of ${name}.`, {
    hint: `It is: ${members.join(', ')}`,
  });
}

/**
 * Ends those of its certificates that were made here. Resolves with those that stay: another authority's are that one's to
 * revoke, and a name alone may be somebody's elsewhere, too.
 */
export async function revokeCertificates(
  { members }: Client,
  { records, now }: Readonly<{ records: Records; now: () => number }>,
): Promise<readonly string[]> {
  const register = await openClientRegister({ records, now, limits: defaults });
  try {
    const staying: string[] = [];
    for (const member of members) {
      const [holder, fingerprint] = [certificateHolder(member), markedFingerprint(member)];
      if (holder === null && fingerprint === null) continue;
      const own = register.all().find((each) => each.fingerprint === fingerprint);
      if (own === undefined) staying.push(member);
      else if (own.revokedAt === null) await register.revoke(own.fingerprint);
    }
    return staying;
  } finally {
    register.close();
  }
}

async function fingerprintIn(path: string): Promise<string> {
  const text = await readStart(path);
  const [pem] = /-----BEGIN CERTIFICATE-----[^-]{1,60000}-----END CERTIFICATE-----/.exec(text) ?? [];
  try {
    if (pem !== undefined) return readFingerprint(new X509Certificate(pem).fingerprint256);
  } catch {
    // Said below.
  }
  throw new SallyportError('certificate-unusable', `There is no certificate that can be read in ${path}.`, {
    hint: 'It is to be a PEM file, with -----BEGIN CERTIFICATE----- in it.',
  });
}

async function readStart(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(fileBytesMax), 0, fileBytesMax, 0);
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new SallyportError('file-missing', `${path} cannot be read (${systemCode(error) ?? 'no file'}).`, { cause: error });
  }
}

function readFingerprint(text: string): string {
  const hex = text
    .replace(/^sha256:/i, '')
    .replaceAll(':', '')
    .toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hex)) return hex;
  throw new SallyportError('usage-wrong', `${JSON.stringify(text.slice(0, 100))} is no SHA-256 of a certificate.`, {
    hint: 'It has 64 hex digits: openssl x509 -in FILE -noout -fingerprint -sha256',
  });
}

function readTokenSubject(text: string): string {
  if (/^bearer(?:-client)?:[0-9a-f]{8}:[\x21-\x7e]{1,255}$/.test(text)) return text;
  throw new SallyportError('usage-wrong', `${JSON.stringify(text.slice(0, 100))} is no subject of an access token.`, {
    hint: 'It is what the record calls them, like bearer:3f9a0c11:ci: sallyport logs',
  });
}

/** In the spelling of the guard, whichever kind of name it reads. */
function readHolder(text: string): string {
  const name = (['cn', 'email', 'dns', 'uri'] as const).map((kind) => readName(kind, text)).find((each) => each !== null);
  if (name !== undefined && name !== null) return name;
  throw new SallyportError('usage-wrong', `${JSON.stringify(text.slice(0, 100))} is no name of a certificate.`, {
    hint: 'It is the CN, or the e-mail address, host or URI, that the mtls of the proxy reads.',
  });
}

function existingKey({ keys }: People, text: string): string {
  const key = keys.byName(userName(text) ?? '');
  if (key !== null) return key.name;
  throw new SallyportError('key-missing', `There is no key ${JSON.stringify(text.slice(0, 64))}.`, {
    hint: 'See what there is: sallyport keys list',
  });
}

function existingUser({ users }: People, text: string): string {
  const user = users.find(userName(text) ?? '');
  if (user !== null) return user.name;
  throw new SallyportError('user-missing', `There is no user ${JSON.stringify(text.slice(0, 64))}.`, {
    hint: `Add them: sallyport users add ${text.slice(0, 64)}`,
  });
}
