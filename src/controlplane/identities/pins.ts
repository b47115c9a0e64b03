/** Short codes of services: set, forgotten and found. Only an argon2id hash of each is kept. */

import { z } from 'zod';
import type { Pin, Pins } from '../../contracts/pins.ts';
import type { Records } from '../../contracts/store.ts';
import { SallyportError } from '../../core/errors.ts';
import { pinDigits } from '../../core/policy/pin.ts';
import { Mirror } from './mirror.ts';
import type { PasswordHasher } from './passwords.ts';

export interface PinTable extends Pins {
  /** In the place of one before, whose sessions end. Errors: `password-weak`, `store-unavailable`, `disk-full`. No message holds it. */
  set(service: string, text: string): Promise<Pin>;
  /** Ends its sessions as well. False when there was none. */
  remove(service: string): Promise<boolean>;
  /** By service. */
  list(): readonly Pin[];
  close(): void;
}

export type PinTools = Readonly<{
  records: Records;
  now: () => number;
  passwords: Pick<PasswordHasher, 'hash'>;
  /** Ends all sessions of a subject: `pin:blog`. */
  endSessions: (subject: string) => Promise<unknown>;
}>;

const record = z.strictObject({ service: z.string(), hash: z.string(), revision: z.number(), createdAt: z.number() });

export async function openPins({ records, now, passwords, endSessions }: PinTools): Promise<PinTable> {
  const mirror = await Mirror.open<Pin>({ records, prefix: 'pins/', read: (value) => record.safeParse(value).data ?? null });
  return {
    find: (service) => mirror.get(service),
    list: () => mirror.values().toSorted((one, other) => (one.service < other.service ? -1 : 1)),
    set: async (service, text) => {
      const fault = pinFault(text);
      if (fault !== null)
        throw new SallyportError('password-weak', `This code will not do: ${fault}.`, { hint: 'Let Sallyport make one: --generate' });
      const hash = await passwords.hash(pinDigits(text) ?? '');
      const pin: Pin = { service, hash, revision: Math.max(now(), (mirror.get(service)?.revision ?? 0) + 1), createdAt: now() };
      await mirror.put(service, { ...pin });
      await endSessions(`pin:${service}`);
      return pin;
    },
    remove: async (service) => {
      const there = await mirror.delete(service);
      await endSessions(`pin:${service}`);
      return there;
    },
    close: () => mirror.close(),
  };
}

/** What is wrong with a new code, in words for its owner; null when it will do. */
export function pinFault(text: string): string | null {
  const digits = pinDigits(text);
  if (digits === null) return 'it is not 6 to 12 digits';
  if (new Set(digits).size < 3) return 'it is one or two digits again and again';
  if (isRun(digits, 1) || isRun(digits, 9)) return 'its digits follow each other';
  if (/^(\d{1,4})\1+$/.test(digits)) return 'it is the same again and again';
  return null;
}

/** Eight digits that will do. */
export function newPin(randomInt: (below: number) => number): string {
  for (;;) {
    const digits = Array.from({ length: 8 }, () => String(randomInt(10))).join('');
    if (pinFault(digits) === null) return digits;
  }
}

/** `123456`, `890123`; with a step of 9 downwards. */
function isRun(digits: string, step: number): boolean {
  return Array.from(digits.slice(1)).every((digit, at) => (Number(digits[at]) + step) % 10 === Number(digit));
}
