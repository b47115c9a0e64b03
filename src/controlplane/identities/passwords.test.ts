/** Hashes of passwords: their form, their cost, their queue, and the rules for new ones. */

import assert from 'node:assert/strict';
import { argon2Sync, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { ownMs } from '../../../test/doubles/own-time.ts';
import { limitsWith } from '../../core/limits.ts';
import { argon2Cost, isOutdated, readPasswordHash, writePasswordHash } from './password-hash.ts';
import { passwordFault } from './password-rules.ts';
import { createPasswords } from './passwords.ts';

const cheap = { memoryKib: 8, passes: 1, lanes: 1 };
const limits = limitsWith({});
const good = 'lamp orbit velvet acre';

describe('password hashes', () => {
  test('are PHC strings of argon2id that other programs read', async () => {
    const text = await createPasswords({ limits, randomBytes, cost: cheap }).hash(good);
    assert.match(text, /^\$argon2id\$v=19\$m=8,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    const read = readPasswordHash(text);
    assert.ok(read);
    assert.equal(writePasswordHash(read), text);
    const again = argon2Sync('argon2id', { message: good, nonce: read.salt, parallelism: 1, tagLength: 32, memory: 8, passes: 1 });
    assert.deepEqual(Buffer.from(read.tag), again);
  });

  test("today's cost is OWASP's", () => {
    assert.deepEqual(argon2Cost, { memoryKib: 19_456, passes: 2, lanes: 1 });
  });

  test('have one form: anything else is no hash', () => {
    const salt = 'A'.repeat(22);
    const tag = 'A'.repeat(43);
    assert.ok(readPasswordHash(`$argon2id$v=19$m=8,t=1,p=1$${salt}$${tag}`));
    for (const text of [
      '',
      'plain',
      `$argon2i$v=19$m=8,t=1,p=1$${salt}$${tag}`,
      `$argon2id$v=16$m=8,t=1,p=1$${salt}$${tag}`,
      `$argon2id$v=19$m=9999999,t=1,p=1$${salt}$${tag}`,
      `$argon2id$v=19$m=8,t=99,p=1$${salt}$${tag}`,
      `$argon2id$v=19$m=8,t=1,p=9$${salt}$${tag}`,
      `$argon2id$v=19$m=08,t=1,p=1$${salt}$${tag}`,
      `$argon2id$v=19$m=8,t=1,p=1$$${tag}`,
      `$argon2id$v=19$m=8,t=1,p=1$${salt}$`,
      ` $argon2id$v=19$m=8,t=1,p=1$${salt}$${tag}`,
    ])
      assert.equal(readPasswordHash(text), null, text);
  });

  test('know when they are outdated', () => {
    const read = readPasswordHash(`$argon2id$v=19$m=8,t=1,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`);
    assert.ok(read && isOutdated(read, argon2Cost) && !isOutdated(read, cheap));
  });
});

describe('checking passwords', () => {
  test('says right for the right one only', async () => {
    const passwords = createPasswords({ limits, randomBytes, cost: cheap });
    const hash = await passwords.hash(good);
    assert.equal(await passwords.verify(good, hash), true);
    for (const wrong of ['', `${good} `, good.toUpperCase(), `${good}\u0000`]) assert.equal(await passwords.verify(wrong, hash), false);
    assert.notEqual(await passwords.hash(good), hash);
  });

  test('a letter is the same however the keyboard composes it', async () => {
    const passwords = createPasswords({ limits, randomBytes, cost: cheap });
    assert.equal(await passwords.verify('cafe\u0301 au lait', await passwords.hash('caf\u00e9 au lait')), true);
  });

  test('fails closed: nobody, and a hash that cannot be read, fit no password', async () => {
    const passwords = createPasswords({ limits, randomBytes, cost: cheap });
    for (const hash of [null, '', 'plain', good]) assert.equal(await passwords.verify(good, hash), false);
  });

  test('one that is too long is refused and not hashed whole', async () => {
    const passwords = createPasswords({ limits, randomBytes, cost: cheap });
    const long = 'ä'.repeat(513);
    const hash = await passwords.hash(long);
    assert.equal(await passwords.verify(long, hash), false);
    assert.equal(await passwords.verify(long, await passwords.hash('')), false);
    const begun = performance.now();
    assert.equal(await passwords.verify('x'.repeat(1_000_000), hash), false);
    assert.ok(performance.now() - begun < 500);
  });

  test('an older hash is made anew once the password was right, and only then', async () => {
    const told: string[] = [];
    let done = (): void => undefined;
    const made = new Promise<void>((resolve) => (done = resolve));
    const old = await createPasswords({ limits, randomBytes, cost: cheap }).hash(good);
    const passwords = createPasswords({
      limits,
      randomBytes,
      cost: { ...cheap, memoryKib: 16 },
      outdated: (hash, fresh) => {
        told.push(hash, fresh);
        done();
      },
    });
    assert.equal(await passwords.verify('wrong', old), false);
    assert.equal(await passwords.verify(good, old), true);
    await made;
    assert.equal(told[0], old);
    assert.match(told[1] ?? '', /m=16,/);
    assert.equal(told.length, 2);
  });

  test('timing: nobody, a wrong password and a broken hash take the time of a right one', async () => {
    const passwords = createPasswords({ limits, randomBytes, cost: { memoryKib: 2_048, passes: 1, lanes: 1 } });
    const hash = await passwords.hash(good);
    const kinds: readonly (readonly [string, string | null])[] = [
      [good, hash],
      ['wrong', hash],
      [good, null],
      [good, 'broken'],
    ];
    const samples = kinds.map((): number[] => []);
    for (let round = 0; round < 25; round += 1) {
      for (const [at, [password, stored]] of kinds.entries()) {
        const begun = process.cpuUsage();
        await passwords.verify(password, stored);
        const { user, system } = process.cpuUsage(begun);
        samples[at]?.push((user + system) / 1_000);
      }
    }
    // The work of all threads, taken in turns: what else this machine does is in none. A check left out would be a hundredth.
    const medians = samples.map((list) => list.toSorted((one, other) => one - other)[12] ?? 0);
    assert.ok(Math.max(...medians) < 2 * Math.min(...medians), medians.map((each) => each.toFixed(2)).join(' '));
  });

  test('argon2 DoS: of 200 logins at once most are refused at once, and the event loop keeps turning', async () => {
    const passwords = createPasswords({ limits: limitsWith({ hashQueueMax: 8 }), randomBytes });
    // Its own work, and not what else the machine does: a turn of the loop, and the threads that hash.
    let [stood, last] = [0, ownMs()];
    const turn = (): void => {
      const now = ownMs();
      [stood, last] = [Math.max(stood, now - last), now];
    };
    const turns = setInterval(turn, 5);
    const before = process.cpuUsage();
    const order: unknown[] = [];
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, at) => {
        const answer = await passwords.verify(`guess ${at}`, null);
        order.push(answer);
        return answer;
      }),
    );
    clearInterval(turns);
    turn();
    const { user, system } = process.cpuUsage(before);
    assert.equal(answers.filter((answer) => answer === 'busy').length, 190);
    assert.equal(answers.filter((answer) => answer === false).length, 10);
    assert.deepEqual(new Set(order.slice(0, 190)), new Set(['busy']), 'who is refused waits for no hash');
    assert.ok(stood < 250, `the loop stood for ${stood.toFixed(0)} ms`);
    assert.ok((user + system) / 1e3 < 3_000, `it worked for ${((user + system) / 1e3).toFixed(0)} ms`);
    assert.equal(await passwords.verify('later', null), false);
  });

  test('turns go on after one that failed', async () => {
    const passwords = createPasswords({
      limits: limitsWith({ hashesAtOnceMax: 1 }),
      randomBytes,
      cost: { memoryKib: 1, passes: 1, lanes: 1 },
    });
    await assert.rejects(passwords.hash(good));
    await assert.rejects(passwords.verify(good, null));
    await assert.rejects(Promise.all([passwords.hash(good), passwords.hash(good)]));
  });
});

describe('rules for a new password', () => {
  const fault = (text: string, name = 'ana'): string | null => passwordFault(text, name, limits);

  test('takes what is long and not guessed, of any composition', () => {
    for (const text of [good, 'twelve chars', 'пароль из слов', '🔑🗝️🔒🔓📎📌✂️📐📏🧮📅📇', 'x'.repeat(500) + good, '847 291 5530 18'])
      assert.equal(fault(text), null, text);
  });

  test('refuses what is short, too long, guessed, repeated or the name', () => {
    for (const text of [
      '',
      'short',
      '🔑'.repeat(11),
      'x'.repeat(1_025),
      'password1234',
      'Password-1234',
      'QWERTYUIOP12',
      'aaaaaaaaaaaa',
      'abababababab',
      'abcdefghijkl',
      '123456789012',
      '210987654321',
      'tab\tin the middle',
      'correct horse battery staple',
    ])
      assert.notEqual(fault(text), null, text);
    assert.notEqual(fault('Administrator-of-all', 'administrator-of-all'), null);
  });

  test('says why without saying the password', () => {
    for (const text of ['hunter2', 'password1234', 'x\u0000'.repeat(9)]) assert.ok(!fault(text)?.includes(text));
  });
});
