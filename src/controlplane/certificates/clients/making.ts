/** Makes certificates for clients, and the authority that signs them: another one than the servers' CA, trusted by nobody but us. */

import { X509Certificate, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import type { OwnCertificate } from '../../../contracts/client-certificates.ts';
import { SallyportError } from '../../../core/errors.ts';
import { userName } from '../../../core/policy/credentials.ts';
import type { Home } from '../../home.ts';
import { createPrivate, readPrivate, replacePrivate } from '../../private-file.ts';
import { selfSigned, signed, type KeyAndCertificate } from '../signing.ts';
import { fingerprintOf } from './path.ts';
import type { ClientRegister } from './register.ts';

const dayMs = 86_400_000;
const hourMs = 3_600_000;
/** Only we trust it, and what it signs stands as long as the store says so: ten years, as mkcert. */
const authorityLifeMs = 3_650 * dayMs;
/** A list of revoked ones is never let grow by certificates that live for ever. */
export const clientDaysMax = 1_825;
const fileBytesMax = 65_536;
/** They stand in each request to a service that is told of them. */
const rolesMax = 32;

const kept = z.strictObject({ version: z.literal(1), key: z.string(), cert: z.string() });

export type WantedCertificate = Readonly<{ name: string; days: number; roles: readonly string[] }>;

/** PEM, both; the key is nowhere else. */
export type MadeCertificate = Readonly<{ own: OwnCertificate; cert: string; key: string }>;

/**
 * Makes a certificate for a client; the authority, in `keys/client-ca.json` (0600), with the first one.
 * Errors: `name-malformed`, `usage-wrong` (days, roles, too many), `home-exposed`, `home-unwritable`, `disk-full`, `store-unavailable`.
 */
export async function makeClientCertificate(
  home: Pick<Home, 'keys'>,
  register: ClientRegister,
  wanted: WantedCertificate,
  now: number,
): Promise<MadeCertificate> {
  const { name, days, roles } = checked(wanted);
  const authority = await authorityFor(join(home.keys, 'client-ca.json'), register, now, now + days * dayMs);
  const made = await makeLeaf(authority, { name, now, notAfter: now + days * dayMs });
  const certificate = new X509Certificate(made.cert);
  const own: OwnCertificate = {
    fingerprint: fingerprintOf(certificate),
    name,
    roles,
    createdAt: now,
    expires: certificate.validToDate.getTime(),
    revokedAt: null,
  };
  await register.add(own);
  return { own, ...made };
}

function checked({ name: text, days, roles }: WantedCertificate): WantedCertificate {
  const name = userName(text);
  if (name === null)
    throw new SallyportError('name-malformed', `${JSON.stringify(text.slice(0, 64))} is no name for a certificate.`, {
      hint: 'Use up to 64 letters, digits and . _ - (a letter, a digit or _ first).',
    });
  if (!Number.isInteger(days) || days < 1 || days > clientDaysMax)
    throw new SallyportError('usage-wrong', `--days takes a number from 1 to ${clientDaysMax}.`);
  const role = roles.find((each) => userName(each) !== each);
  if (role !== undefined) throw new SallyportError('usage-wrong', `${JSON.stringify(role)} is no role: small letters, digits and . _ -`);
  if (roles.length > rolesMax) throw new SallyportError('usage-wrong', `A certificate has at most ${rolesMax} roles.`);
  return { name, days, roles: [...new Set(roles)] };
}

/** The one that lives long enough, or a new one; the old one's certificates stand as before. Two commands at once end with the same. */
async function authorityFor(path: string, register: ClientRegister, now: number, until: number): Promise<KeyAndCertificate> {
  const there = await readAuthority(path);
  if (there !== null && new X509Certificate(there.cert).validToDate.getTime() > until) return announced(there, register);
  const made = await makeAuthority(now);
  const text = `${JSON.stringify({ version: 1, ...made } satisfies z.infer<typeof kept>)}\n`;
  if (there !== null) await replacePrivate(path, text);
  else if (!(await createPrivate(path, text))) return announced((await readAuthority(path)) ?? made, register);
  return announced(made, register);
}

/** Whoever lost the store, and not the key, has it known again. */
async function announced(authority: KeyAndCertificate, register: ClientRegister): Promise<KeyAndCertificate> {
  const { fingerprint256 } = new X509Certificate(authority.cert);
  if (!register.authorities().some((each) => each.fingerprint256 === fingerprint256)) await register.addAuthority(authority.cert);
  return authority;
}

async function readAuthority(path: string): Promise<KeyAndCertificate | null> {
  const text = await readPrivate(path, fileBytesMax);
  if (text === null) return null;
  try {
    const { key, cert } = kept.parse(JSON.parse(text));
    void new X509Certificate(cert);
    return { key, cert };
  } catch (cause) {
    throw new SallyportError('home-unwritable', `The authority of client certificates ${path} is damaged.`, {
      cause,
      hint: 'Restore it from a backup, or remove it: the next certificate makes a new one, and those of the old one stand as before.',
    });
  }
}

function makeAuthority(now: number): Promise<KeyAndCertificate> {
  return withEnd(
    selfSigned({
      // Every stranger is shown it in the handshake (RFC 8446, 4.2.4): it says nothing of this machine.
      title: `Sallyport clients ${randomBytes(2).toString('hex')}`,
      use: 'clientAuth',
      // Clocks differ.
      notBefore: now - hourMs,
      notAfter: now + authorityLifeMs,
    }),
  );
}

function makeLeaf(
  authority: KeyAndCertificate,
  { name, now, notAfter }: Readonly<{ name: string; now: number; notAfter: number }>,
): Promise<KeyAndCertificate> {
  return withEnd(signed(authority, { commonName: name, use: 'clientAuth', notBefore: now - hourMs, notAfter }));
}

/** The key is a file of its own for programs that want its last line ended. */
async function withEnd(made: Promise<KeyAndCertificate>): Promise<KeyAndCertificate> {
  const { key, cert } = await made;
  return { key: `${key}\n`, cert };
}
