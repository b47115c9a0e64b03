/**
 * `npm run timing`: whether the time of a refusal tells anything. Unknown users against wrong passwords, and keys that are
 * unknown against keys that are nearly right, by Mann–Whitney over 10,000 samples each, in random order. Fails below 0.01.
 *
 * With cheap hashes and without any lockout: the cost of argon2 would hide what this looks for, and a wait would end it.
 */

import { randomBytes, randomInt } from 'node:crypto';
import { exchangeOf, basicOf, noBody } from '../test/doubles/exchange.ts';
import { testTools } from '../test/doubles/tools.ts';
import { newKey } from '../src/controlplane/identities/api-key.ts';
import { key } from '../src/modules/guards/key.ts';
import { password } from '../src/modules/guards/password.ts';
import type { BuiltGuard } from '../src/contracts/guard.ts';
import type { Exchange } from '../src/core/policy/exchange.ts';
import { mannWhitney } from './mann-whitney.ts';

const samples = Number(process.argv[2] ?? 10_000);
const least = 0.01;
/** Rounds that are thrown away: the compiler is at work in them. */
const warmups = 2_000;

/** The exchanges are made before: nothing of their making is measured. */
type Kind = Readonly<{ name: string; exchanges: readonly Exchange[]; times: number[] }>;

const keyPrefix = 'sallyport_';
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const letters = 'abcdefghijklmnopqrstuvwxyz';
const word = (length: number): string => Array.from({ length }, () => letters[randomInt(letters.length)]).join('');
const oneOf = (words: readonly string[]): string => words[randomInt(words.length)] ?? '';
const shownBy = (fields: readonly (readonly [string, string])[]): Exchange => exchangeOf({ fields });
const kind = (name: string, exchange: () => Exchange): Kind => ({
  name,
  exchanges: Array.from({ length: warmups + samples }, exchange),
  times: [],
});

/** All kinds in random order, so that nothing of the machine's mood falls on one of them. */
async function measure(guard: BuiltGuard, one: Kind, other: Kind): Promise<void> {
  for (let round = 0; round < warmups + samples; round += 1) {
    for (const each of randomInt(2) === 0 ? [one, other] : [other, one]) {
      const exchange = each.exchanges[round];
      if (exchange === undefined) continue;
      const begun = process.hrtime.bigint();
      const verdict = await guard.check(exchange, noBody);
      const took = Number(process.hrtime.bigint() - begun);
      if (verdict.is !== 'challenge' || verdict.code !== 'credentials-wrong') throw new Error(`${each.name}: ${JSON.stringify(verdict)}`);
      if (round >= warmups) each.times.push(took);
    }
  }
}

function report(one: Kind, other: Kind): boolean {
  const p = mannWhitney(one.times, other.times);
  const shown = [one, other].map(({ name, times }) => `${name} ${(median(times) / 1000).toFixed(2)} µs`).join(', ');
  const ok = p > least;
  process.stdout.write(`${ok ? 'alike ' : 'DIFFER'}  p = ${p.toFixed(4)}  (${samples} each; medians: ${shown})\n`);
  return ok;
}

function median(times: readonly number[]): number {
  return times.toSorted((left, right) => left - right)[times.length >> 1] ?? 0;
}

/** Who guesses asks about one name again and again: one that is there, among others, and one that is not. */
const others = Array.from({ length: 500 }, () => word(12));
const [there, absentName] = [word(12), word(12)];
const tools = await testTools([...others, there], { guessesPerAccountMax: 1e9, guessesPerAddressMax: 1e9, guessKeysMax: 1e9 });
const service = { name: 'blog', hosts: ['blog.example.test'], behindRelay: false };

const users = password.build({ users: 'all' }, tools, service);
const unknown = kind('unknown user', () => shownBy([['Authorization', basicOf(absentName, word(20))]]));
const wrong = kind('wrong password', () => shownBy([['Authorization', basicOf(there, word(20))]]));
await measure(users, unknown, wrong);

const made = await Promise.all(others.map((name) => tools.people.keys.create({ name })));
const keys = key.build({ keys: 'all', header: 'x-api-key' }, tools, service);
const strangers = made.map(() => newKey((count) => randomBytes(count)));
const neighbours = made.map(({ secret }) => nearly(secret));
const absent = kind('unknown key', () => shownBy([['X-API-Key', oneOf(strangers)]]));
const near = kind('nearly a key', () => shownBy([['X-API-Key', oneOf(neighbours)]]));
await measure(keys, absent, near);

/** The same chance, one more or less: the parts that every key has and the checksum are right. */
function nearly(secret: string): string {
  let chance = 0n;
  for (const digit of secret.slice(keyPrefix.length, -6)) chance = chance * 62n + BigInt(alphabet.indexOf(digit));
  const hex = (chance ^ 1n).toString(16);
  return newKey((count) => Buffer.from(hex.padStart(count * 2, '0'), 'hex'));
}

const alike = [report(unknown, wrong), report(absent, near)];
process.exitCode = alike.every(Boolean) ? 0 : 1;
