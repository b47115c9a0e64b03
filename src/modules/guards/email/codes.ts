/** Codes that were asked for: kept in the store, for one browser each, and taken once. */

import { hash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Tools } from '../../../contracts/tools.ts';
import { SallyportError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { cookieValues } from '../../../core/policy/session-cookie.ts';

/** `__Host-`: no sibling can plant it; what is ours by its name never reaches a service. */
const browserCookie = '__Host-sallyport-mail';
const browserBytes = 32;
const browserForm = /^[A-Za-z0-9_-]{43}$/;

/** A hundred million: five guesses at each of the codes that anybody can ask for find none in years. */
const digits = 8;

/** Each conflict means that another guess was counted; there are fewer guesses than this. */
const triesMax = 20;

type Memory = Pick<Tools, 'store' | 'randomBytes' | 'limits' | 'now'>;

/** Where a code is good. */
export type MailPlace = Readonly<{ service: string; host: string }>;

const record = z.strictObject({
  service: z.string(),
  host: z.string(),
  email: z.string(),
  /** SHA-256 of browser and code. */
  code: z.string(),
  /** Guesses that are left. */
  left: z.number(),
});

/** A code, and the `Set-Cookie` of the browser that asked. */
export type Asked = Readonly<{ code: string; cookie: readonly [string, string] }>;

/**
 * Makes a code for an address. For one that gets no mail all is the same, but for the code: nobody has it.
 * Errors: `store-unavailable`, `disk-full`.
 */
export async function makeCode(email: string, isListed: boolean, { service, host }: MailPlace, memory: Memory): Promise<Asked> {
  const { store, randomBytes, limits } = memory;
  const browser = Buffer.from(randomBytes(browserBytes)).toString('base64url');
  const [code, nobodys] = [newCode(randomBytes), Buffer.from(randomBytes(browserBytes)).toString('base64url')];
  const kept = digestOf(browser, isListed ? code : nobodys);
  const left = limits.mailCodeGuessesMax;
  await store.records.put(keyOf(browser), { service, host, email, code: kept, left }, { ifVersion: 0, ttlMs: limits.mailCodeMs });
  return { code, cookie: cookieField(browser, Math.floor(limits.mailCodeMs / 1000)) };
}

/** The browser that asked; null where there is no cookie of that form, or more than one. */
export function readBrowser(exchange: Exchange): string | null {
  if (exchange.http === null || exchange.listener.scheme !== 'https') return null;
  const [value, ...others] = cookieValues(exchange.http.fields, browserCookie);
  return value !== undefined && others.length === 0 && browserForm.test(value) ? value : null;
}

/** To whom the code of this browser was sent, if it stands. Nothing is counted. */
export async function askedBy(browser: string, { service, host }: MailPlace, { store }: Memory): Promise<string | null> {
  const found = record.safeParse((await store.records.get(keyOf(browser)))?.value).data;
  return found !== undefined && found.service === service && found.host === host ? found.email : null;
}

/**
 * Takes a guess: counted before it is looked at, so that a thousand at once are as many as are left. Right once.
 * @returns the address that it was sent to, or null
 * Errors: `store-unavailable`, `disk-full`.
 */
export async function takeCode(browser: string, shown: string, place: MailPlace, memory: Memory): Promise<string | null> {
  const found = await counted(browser, memory);
  if (found === null || found.service !== place.service || found.host !== place.host) return null;
  const [wanted, given] = [Buffer.from(found.code), Buffer.from(digestOf(browser, shown))];
  if (wanted.length !== given.length || !timingSafeEqual(wanted, given)) return null;
  // Of two who show it at once, one finds it there.
  return (await memory.store.records.delete(keyOf(browser))) ? found.email : null;
}

async function counted(browser: string, { store, now }: Memory): Promise<z.output<typeof record> | null> {
  const key = keyOf(browser);
  for (let tries = 0; tries < triesMax; tries += 1) {
    const entry = await store.records.get(key);
    const found = record.safeParse(entry?.value).data;
    if (entry === null || found === undefined || found.left < 1) return null;
    try {
      const ttlMs = Math.max(1, (entry.expires ?? 0) - now());
      await store.records.put(key, { ...found, left: found.left - 1 }, { ifVersion: entry.version, ttlMs });
      return found;
    } catch (error) {
      if (!(error instanceof SallyportError) || error.code !== 'record-conflicted') throw error;
    }
  }
  return null;
}

/** Makes the browser forget it. */
export const endBrowserCookie = cookieField('', 0);

function cookieField(value: string, seconds: number): readonly [string, string] {
  return ['Set-Cookie', `${browserCookie}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${seconds}`];
}

function keyOf(browser: string): string {
  return `mail-codes/${hash('sha256', browser, 'base64url')}`;
}

function digestOf(browser: string, code: string): string {
  return hash('sha256', `${browser}\0${code}`, 'base64url');
}

/** Each as likely as any other: what lies beyond the last whole round is drawn again. */
function newCode(randomBytes: (count: number) => Uint8Array): string {
  const round = 10 ** digits;
  for (;;) {
    const drawn = Buffer.from(randomBytes(6)).readUIntBE(0, 6);
    if (drawn < 2 ** 48 - (2 ** 48 % round)) return String(drawn % round).padStart(digits, '0');
  }
}

/** `1234 5678`: easier to read and to type. */
export function spacedCode(code: string): string {
  return `${code.slice(0, digits / 2)} ${code.slice(digits / 2)}`;
}

/** As people type it; null for what is no code of ours. */
export function typedCode(text: string): string | null {
  const plain = text.length > 64 ? '' : text.replaceAll(/[ -]/g, '');
  return /^\d{8}$/.test(plain) ? plain : null;
}
