/** Users of an htpasswd file (no weak hashes): read strictly, read again when it changes, and told apart from nobody by no answer. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { basicOf, exchangeOf, noBody } from '../../../../test/doubles/exchange.ts';
import { goodPassword, testTools } from '../../../../test/doubles/tools.ts';
import type { GuardedService } from '../../../contracts/guard.ts';
import { SallyportError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import { password } from '../password.ts';
import { readHtpasswd } from './htpasswd-file.ts';

const blog: GuardedService = { name: 'blog', hosts: ['blog.example.test'], behindRelay: false };
const folder = await mkdtemp(join(tmpdir(), 'sallyport-htpasswd-'));
after(() => rm(folder, { recursive: true, force: true }));
let files = 0;

/** As `htpasswd -B` writes it, of the lowest cost. */
const bcryptOf = (text: string): string => hashSync(text, 4).replace(/^\$2b/, '$2y');

async function built(lines: readonly string[], options: Readonly<Record<string, unknown>> = {}, changes: Partial<Limits> = {}) {
  const path = join(folder, `users-${(files += 1)}`);
  await writeFile(path, `${lines.join('\n')}\n`);
  const troubles: string[] = [];
  const tools = { ...(await testTools(['ben'], changes)), trouble: (error: SallyportError) => void troubles.push(error.message) };
  const guard = password.build(password.options.parse({ htpasswd: path, ...options }), tools, blog);
  const tried = async (user: string, text: string): Promise<string> => {
    const verdict = await guard.check(exchangeOf({ fields: [['Authorization', basicOf(user, text)]] }), noBody);
    return verdict.is === 'pass' ? `pass as ${verdict.identity?.subject}` : verdict.is === 'skip' ? 'skip' : verdict.code;
  };
  return { path, guard, tools, troubles, tried };
}

const refused = (code: string, words: RegExp) => (error: unknown) =>
  error instanceof SallyportError && error.code === code && words.test(error.message);

describe('htpasswd: weak hashes and broken files', () => {
  test('bcrypt and argon2id let in, wrong passwords and the users of the store do not', async () => {
    const argon = (await testTools(['eva'])).people.users.find('eva')?.hash ?? '';
    const { guard, tried } = await built(['# users', '', `ana:${bcryptOf('a password of hers')}`, `Eva:${argon}`]);
    assert.equal(await tried('ana', 'a password of hers'), 'pass as user:ana');
    assert.equal(await tried('ANA', 'a password of hers'), 'pass as user:ana');
    assert.equal(await tried('eva', goodPassword), 'pass as user:eva');
    assert.equal(await tried('ana', 'another'), 'credentials-wrong');
    assert.equal(await tried('ben', goodPassword), 'credentials-wrong', 'a user of the store');
    assert.deepEqual([guard.knows?.('user:ana'), guard.knows?.('user:ben')], [true, false]);
    assert.match(guard.words, /htpasswd/);
  });

  test('`users` names those of the file that may come in', async () => {
    const lines = [`ana:${bcryptOf('hers')}`, `eva:${bcryptOf('evas')}`];
    const { tried } = await built(lines, { users: ['ana'] });
    assert.deepEqual([await tried('ana', 'hers'), await tried('eva', 'evas')], ['pass as user:ana', 'credentials-wrong']);
    await assert.rejects(built(lines, { users: ['ida'] }), refused('user-missing', /no user ida in/));
  });

  test('apr1-MD5, MD5, SHA-1, crypt and others are refused by name, with the way out, and no hash is repeated', () => {
    for (const [hash, words] of [
      ['$apr1$mcQ3x1v0$2ZsUVTEoFs1WHQmWzUhJg/', /apr1-MD5.*htpasswd -B/],
      ['$1$abcdefgh$0123456789012345678901', /MD5.*htpasswd -B/],
      ['{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', /SHA-1.*htpasswd -B/],
      ['$6$saltsalt$abcdefghijklmnopqrstuvwxyz', /SHA crypt/],
      ['rqXexS6ZhobKA', /crypt, which/],
      ['$argon2i$v=19$m=4096,t=3,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA', /without the id/],
      ['hunter2', /no hash that is known/],
      ['', /no hash that is known/],
      ['$2y$10$short', /cut or malformed/],
      [bcryptOf('x').replace('$04$', '$20$'), /cost 20/],
      ['$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA', /more than|no hash/],
    ] as const) {
      const found = readHtpasswd(`# first\nana:${hash}\n`, 10);
      assert.ok(!found.ok && found.line === 2 && words.test(found.why), `${hash}: ${JSON.stringify(found)}`);
      if (hash !== '') assert.ok(!found.why.includes(hash));
    }
  });

  test('lines that have no single reading make the file wrong, and name their number', () => {
    const good = bcryptOf('x');
    for (const [text, line] of [
      [`ana:${good}\nANA:${good}`, 2],
      ['ana', 1],
      [`an a:${good}`, 1],
      [`:${good}`, 1],
      [`a\u0000na:${good}`, 1],
      [`ana:${good}:more`, 1],
      [`ana: ${good}`, 1],
      ['', 1],
      ['# nobody\n', 1],
      [`a:${good}\nb:${good}\nc:${good}`, 3],
    ] as const) {
      const found = readHtpasswd(text, 2);
      assert.ok(!found.ok, text);
      assert.equal(found.line, line, text);
    }
    assert.ok(readHtpasswd(`ana:${good}\r\nben:${good}\r\n`, 2).ok);
  });

  test('a file that changes is read again: who is gone is out, who is new comes in, another password ends sessions', async () => {
    const { path, guard, tools, tried } = await built([`ana:${bcryptOf('first')}`, `eva:${bcryptOf('evas')}`]);
    assert.equal(await tried('eva', 'evas'), 'pass as user:eva');
    const form = guard.forms?.find((each) => each.path === '/.sallyport/login' && each.method === 'POST');
    const entered = await form?.handle(exchangeOf({ method: 'POST', target: '/.sallyport/login' }), {
      fields: new URLSearchParams({ user: 'ana', password: 'first', to: '/' }),
      rest: '',
    });
    assert.ok(entered !== undefined && !('is' in entered) && entered.status === 303);
    const cookie = entered.fields.find(([name]) => name === 'Set-Cookie')?.[1].split(';')[0] ?? '';
    const bySession = async (): Promise<string> => (await guard.check(exchangeOf({ fields: [['Cookie', cookie]] }), noBody)).is;
    assert.equal(await bySession(), 'pass');
    await writeFile(`${path}.new`, `ana:${bcryptOf('second')}\nida:${bcryptOf('idas')}\n`);
    await rename(`${path}.new`, path);
    tools.clock.now += 1_000;
    assert.equal(await bySession(), 'challenge');
    assert.deepEqual(
      [await tried('ana', 'first'), await tried('ana', 'second'), await tried('eva', 'evas'), await tried('ida', 'idas')],
      ['credentials-wrong', 'pass as user:ana', 'credentials-wrong', 'pass as user:ida'],
    );
  });

  test('a broken file, and one that is away, keep the users of before and are told once each', async () => {
    const good = await built([`ana:${bcryptOf('hers')}`]);
    const { path, tools, troubles, tried } = good;
    await writeFile(path, 'ana:$apr1$mcQ3x1v0$2ZsUVTEoFs1WHQmWzUhJg/\n');
    for (let look = 0; look < 3; look += 1) {
      tools.clock.now += 2_000;
      assert.equal(await tried('ana', 'hers'), 'pass as user:ana');
    }
    assert.equal(troubles.length, 1);
    assert.match(troubles[0] ?? '', /line 1: ana is apr1-MD5/);
    await rm(path);
    for (let look = 0; look < 3; look += 1) {
      tools.clock.now += 2_000;
      assert.equal(await tried('ana', 'hers'), 'pass as user:ana');
    }
    assert.equal(troubles.length, 2);
    await writeFile(path, `ana:${bcryptOf('new')}\n`);
    tools.clock.now += 2_000;
    assert.equal(await tried('ana', 'new'), 'pass as user:ana');
    assert.equal(await tried('ana', 'hers'), 'credentials-wrong');
  });

  test('what cannot be read at the start is refused: no file, a folder, one that is too long, a relative path', async () => {
    const tools = await testTools(['ben']);
    const build = (path: string) => () => password.build(password.options.parse({ htpasswd: path }), tools, blog);
    assert.throws(build(join(folder, 'none')), refused('file-missing', /cannot be read: ENOENT/));
    assert.throws(build(folder), refused('config-malformed', /is no file/));
    const long = join(folder, 'long');
    await writeFile(long, '#'.repeat(1_048_577));
    assert.throws(build(long), refused('config-malformed', /longer than/));
    assert.equal(password.options.safeParse({ htpasswd: 'users' }).success, false);
  });

  test('enumeration: a name that is not in the file is checked against the form of one that is, always the same', async () => {
    const { tools, guard } = await built([`ana:${bcryptOf('hers')}`]);
    const asked: (string | null)[] = [];
    const passwords: typeof tools.passwords = { verify: async (_text, hash) => (asked.push(hash), false) };
    const path = guard.words;
    assert.ok(path);
    const other = password.build(password.options.parse({ htpasswd: join(folder, `users-${files}`) }), { ...tools, passwords }, blog);
    for (const user of ['nobody', 'nobody', 'ana', 'x y'])
      await other.check(exchangeOf({ fields: [['Authorization', basicOf(user, `p${asked.length}`)]] }), noBody);
    assert.equal(asked.length, 4);
    assert.ok(
      asked.every((hash) => hash?.startsWith('$2y$04$') === true && hash.length === 60),
      JSON.stringify(asked),
    );
    assert.equal(asked[0], asked[1]);
    assert.equal(await tools.passwords.verify('', asked[0] ?? ''), false);
  });

  test('bcrypt holds nobody up: two at a time in the queue of all passwords, off the event loop', async () => {
    const { tools } = await built([`ana:${bcryptOf('hers')}`], {}, { hashQueueMax: 4 });
    const slow = hashSync('hers', 8);
    let turns = 0;
    let counting = true;
    const count = (): void => {
      turns += 1;
      if (counting) setImmediate(count);
    };
    count();
    const answers = await Promise.all(Array.from({ length: 9 }, () => tools.passwords.verify('hers', slow)));
    counting = false;
    assert.deepEqual([answers.filter((answer) => answer === true).length, answers.filter((answer) => answer === 'busy').length], [6, 3]);
    assert.ok(turns > 100, `the loop went round ${turns} times`);
    assert.equal(await tools.passwords.verify(`hers${'x'.repeat(2_000)}`, slow), false);
  });

  test('what htpasswd of Apache writes is taken', async (context) => {
    const path = join(folder, 'of-apache');
    try {
      execFileSync('htpasswd', ['-cbB', path, 'ana', 'hers'], { stdio: 'ignore' });
    } catch {
      return context.skip('not run: no htpasswd');
    }
    assert.ok(readHtpasswd(await readFile(path, 'utf8'), 10).ok);
  });
});
