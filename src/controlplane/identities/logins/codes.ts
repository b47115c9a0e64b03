/** Codes of authenticators (TOTP, RFC 6238) and recovery codes: kept in the store, shown once each. */

import { hash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Codes } from '../../../contracts/logins.ts';
import type { Json, Records } from '../../../contracts/store.ts';
import type { Users } from '../../../contracts/tools.ts';
import { SallyportError } from '../../../core/errors.ts';
import { Mirror } from '../mirror.ts';

/** What every authenticator app takes, and most take nothing else. */
export const codeRules = { algorithm: 'SHA1', digits: 6, period: 30 } as const;

/** RFC 4226, 4 (R6): 160 bits. */
const secretBytes = 20;
const recoveryCodes = 10;
/** 80 bits: nobody guesses them, so that one round of SHA-256 is enough. */
const recoveryBytes = 10;
/** RFC 6238, 5.2: one step before and one after, for clocks that differ and people who type slowly. */
const windowSteps = 1;

export interface CodeTable extends Codes {
  /** Whether `code` is one of `secret` at this moment: what somebody who sets it up shows, before it is kept. */
  proves(secret: Uint8Array, code: string): Promise<boolean>;
  /** Base32 for people to type, and the address that a QR code holds. */
  written(secret: Uint8Array, user: string): Promise<Readonly<{ secret: string; uri: string }>>;
  newSecret(): Uint8Array;
  /**
   * Keeps the secret in the place of one before, and ends the user's sessions. Returns recovery codes, which are kept as hashes.
   * Errors: `user-missing`, `store-unavailable`, `disk-full`.
   */
  enrol(user: string, secret: Uint8Array): Promise<readonly string[]>;
  /** Ends the user's sessions as well. False when there was none. */
  remove(user: string): Promise<boolean>;
  /** How many recovery codes are left. */
  recoveryLeft(user: string): number;
  close(): void;
}

type Kept = Readonly<{
  /** Base64. It must be computed with, so it is kept as it is, in the store (0600). */
  secret: string;
  /** SHA-256 each, of the user and the code. */
  recovery: readonly string[];
  /** The newest step whose code was taken: it and those before it are over (RFC 6238, 5.2). */
  step: number;
  /** When the user was added: who comes back under the same name has none of these. */
  user: number;
}>;

const record = z.strictObject({ secret: z.string(), recovery: z.array(z.string()), step: z.number(), user: z.number() });

export type CodeTools = Readonly<{
  records: Records;
  now: () => number;
  randomBytes: (count: number) => Uint8Array;
  users: Pick<Users, 'find'>;
  endSessions: (subject: string) => Promise<unknown>;
}>;

export async function openCodes(tools: CodeTools): Promise<CodeTable> {
  const { records, now, randomBytes, users, endSessions } = tools;
  const mirror = await Mirror.open<Kept>({ records, prefix: 'codes/', read: (value) => record.safeParse(value).data ?? null });
  /** What somebody without codes is compared with: nobody knows it. */
  const nobodys: Kept = keptOf(randomBytes(secretBytes), newRecovery(randomBytes), '?', 0);
  const keptFor = (name: string): Kept | null => {
    // Both are looked at, whoever it is: the time tells nothing of who there is.
    const [user, kept] = [users.find(name), mirror.get(name)];
    return kept !== null && kept.user === user?.createdAt ? kept : null;
  };

  return {
    has: (user) => keptFor(user) !== null,
    take: async (user, shown, admitted = true) => {
      const kept = keptFor(user);
      const after = await taken(kept ?? nobodys, { user, code: canonical(shown), now: now() });
      if (kept === null || after === null || !admitted) return 'wrong';
      return after === 'repeated' ? after : replaced(mirror, user, after);
    },
    proves: async (secret, code) => (await stepOf(secret, canonical(code), now())) !== null,
    written: async (secret, user) => {
      const totp = await totpOf(secret, user);
      return { secret: totp.secret.base32, uri: totp.toString() };
    },
    newSecret: () => randomBytes(secretBytes),
    enrol: async (name, secret) => {
      const user = users.find(name);
      if (user === null)
        throw new SallyportError('user-missing', `There is no user ${JSON.stringify(name)}.`, {
          hint: 'See who there is: sallyport users list',
        });
      const recovery = newRecovery(randomBytes);
      await mirror.put(user.name, json(keptOf(secret, recovery, user.name, user.createdAt)));
      await endSessions(`user:${user.name}`);
      return recovery;
    },
    remove: async (name) => {
      const there = await mirror.delete(name);
      await endSessions(`user:${name}`);
      return there;
    },
    recoveryLeft: (user) => keptFor(user)?.recovery.length ?? 0,
    close: () => mirror.close(),
  };
}

/** Of two who show the same code at once, one: whoever writes second finds another version. */
async function replaced(mirror: Mirror<Kept>, user: string, after: Kept): Promise<'right' | 'repeated'> {
  try {
    await mirror.replace(user, json(after));
    return 'right';
  } catch (error) {
    if (error instanceof SallyportError && error.code === 'record-conflicted') return 'repeated';
    throw error;
  }
}

type Shown = Readonly<{ user: string; code: string; now: number }>;

/** What is kept after the code was taken; null when it is wrong. Which kind of code it is, its sender knows. */
async function taken(kept: Kept, { user, code, now }: Shown): Promise<Kept | 'repeated' | null> {
  if (/^\d{6}$/.test(code)) {
    const step = await stepOf(Buffer.from(kept.secret, 'base64'), code, now);
    if (step === null) return null;
    return step > kept.step ? { ...kept, step } : 'repeated';
  }
  const wanted = Buffer.from(recoveryHash(user, code), 'base64url');
  // All are compared, whichever it is.
  const left = kept.recovery.filter((each) => {
    const own = Buffer.from(each, 'base64url');
    return own.length !== wanted.length || !timingSafeEqual(own, wanted);
  });
  return left.length === kept.recovery.length ? null : { ...kept, recovery: left };
}

/** The step whose code it is, or null. */
async function stepOf(secret: Uint8Array, code: string, now: number): Promise<number | null> {
  const totp = await totpOf(secret, '');
  const delta = totp.validate({ token: code, timestamp: now, window: windowSteps });
  return delta === null ? null : Math.floor(now / 1000 / codeRules.period) + delta;
}

/** The library is read when the first code is: most gateways ask for none. */
async function totpOf(secret: Uint8Array, user: string) {
  const { Secret, TOTP } = await import('otpauth');
  const buffer = new Uint8Array(secret).buffer;
  return new TOTP({ ...codeRules, issuer: 'Sallyport', label: user === '' ? 'user' : user, secret: new Secret({ buffer }) });
}

/** As it was meant: people type blanks and hyphens where they see them, and capitals. */
function canonical(code: string): string {
  return code.slice(0, 64).replaceAll(/[\s-]/g, '').toLowerCase();
}

/** Crockford's letters: none looks like another. Four groups of four. */
const letters = '0123456789abcdefghjkmnpqrstvwxyz';

function newRecovery(randomBytes: (count: number) => Uint8Array): readonly string[] {
  return Array.from({ length: recoveryCodes }, () => {
    let bits = 0n;
    for (const byte of randomBytes(recoveryBytes)) bits = (bits << 8n) | BigInt(byte);
    const code = Array.from({ length: 16 }, (_, at) => letters[Number((bits >> BigInt(at * 5)) & 31n)] ?? '').join('');
    return code.replaceAll(/(.{4})(?!$)/g, '$1-');
  });
}

/** A code of letters, so that it is never taken for one of six digits. */
function recoveryHash(user: string, code: string): string {
  return hash('sha256', `recovery\0${user}\0${code}`, 'base64url');
}

function keptOf(secret: Uint8Array, recovery: readonly string[], user: string, since: number): Kept {
  return {
    secret: Buffer.from(secret).toString('base64'),
    recovery: recovery.map((code) => recoveryHash(user, canonical(code))),
    step: 0,
    user: since,
  };
}

function json(kept: Kept): Json {
  return { ...kept };
}
