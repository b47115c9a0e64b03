/** Short codes of services: guessed at, raced for, changed, and shown at the wrong place. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exchangeOf, noBody, rawExchange, type Asked } from '../../../test/doubles/exchange.ts';
import { tried, type Fields } from '../../../test/doubles/tried.ts';
import { testTools, type TestTools } from '../../../test/doubles/tools.ts';
import type { BuiltGuard, FormAnswer, GuardedService } from '../../contracts/guard.ts';
import { newPin, pinFault } from '../../controlplane/identities/pins.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { pin } from './pin.ts';

const blog: GuardedService = { name: 'blog', hosts: ['blog.example.test'], behindRelay: false };
const code = '48 21-9930';

async function built(changes: Partial<Limits> = {}) {
  const tools = await testTools([], changes);
  await tools.people.pins.set('blog', code);
  return { guard: pin.build(pin.options.parse({ roles: ['guest'] }), tools, blog), tools };
}

async function shown(guard: BuiltGuard, text: string, asked: Asked = {}, to = '/'): Promise<FormAnswer> {
  const form = guard.forms?.find(({ path, method }) => path === '/.sallyport/pin' && method === 'POST');
  assert.ok(form);
  return form.handle(exchangeOf({ method: 'POST', target: '/.sallyport/pin', ...asked }), {
    fields: new URLSearchParams({ pin: text, to }),
    rest: '',
  });
}

const statusOf = (answer: FormAnswer): number | string => ('is' in answer ? (answer.answer?.status ?? answer.code) : answer.status);
const fieldOf = (answer: FormAnswer, name: string): readonly string[] =>
  ('is' in answer ? (answer.answer?.fields ?? []) : answer.fields).filter(([each]) => each === name).map(([, value]) => value);
const cookiesOf = (answer: FormAnswer): Fields => fieldOf(answer, 'Set-Cookie').map((text) => ['Cookie', text.split(';')[0] ?? '']);

describe('pin', () => {
  test('its page has one field, its code opens a session, with the roles of the guard', async () => {
    const { guard } = await built();
    const page = guard.forms?.find(({ path, method }) => path === '/.sallyport/pin' && method === 'GET');
    const asked = await page?.handle(exchangeOf({ target: '/.sallyport/pin' }), {
      fields: new URLSearchParams({ to: '/photos' }),
      rest: '',
    });
    assert.ok(asked !== undefined && 'is' in asked && asked.answer !== null);
    assert.match(String(asked.answer.body), /name="to" value="\/photos"[\s\S]*name="pin"/);
    const entered = await shown(guard, '4821 9930', {}, '/photos');
    assert.deepEqual([statusOf(entered), fieldOf(entered, 'Location')], [303, ['/photos']]);
    assert.equal(await tried(guard, cookiesOf(entered).slice(0, 1)), 'pass as pin:blog guest');
    assert.equal(guard.knows?.('pin:blog'), true);
  });

  test('code guessing: five from one network, fifty from everywhere, then all wait but browsers that were in before', async () => {
    const { guard, tools } = await built({ codeGuessesMax: 12 });
    const entered = await shown(guard, code, { from: '203.0.113.9' });
    const known = cookiesOf(entered).filter(([, text]) => text.includes('device'));
    assert.equal(known.length, 1);
    const guesses: (number | string)[] = [];
    for (let guess = 0; guess < 6; guess += 1) guesses.push(statusOf(await shown(guard, `00000${guess}7`)));
    assert.deepEqual(guesses, [401, 401, 401, 401, 401, 429]);
    for (let guess = 0; guess < 7; guess += 1) assert.equal(statusOf(await shown(guard, '1111112', { from: `198.51.${guess}.1` })), 401);
    const late = await shown(guard, code, { from: '198.51.200.1' });
    assert.equal(statusOf(late), 429, 'the right code tells the guesser nothing while they wait');
    assert.ok(Number(fieldOf(late, 'Retry-After')[0]) > 0);
    assert.equal(statusOf(await shown(guard, code, { from: '203.0.113.9', fields: known })), 303);
    tools.clock.now += 3_700_000;
    assert.equal(statusOf(await shown(guard, code, { from: '198.51.200.1' })), 303);
  });

  test('code guessing: a hundred at once count as a hundred', async () => {
    const { guard, tools } = await built();
    const before = tools.hashes.count;
    const answers = await Promise.all(Array.from({ length: 100 }, (_, at) => shown(guard, `10000${at}93`)));
    assert.equal(answers.filter((answer) => statusOf(answer) === 401).length, 5);
    assert.equal(tools.hashes.count - before, 5);
  });

  test('what has no form of a code costs a hash as well, and no page repeats what was typed', async () => {
    const { guard, tools } = await built({ guessesPerAccountMax: 100, guessesPerAddressMax: 100, codeGuessesMax: 100 });
    const before = tools.hashes.count;
    for (const text of ['', 'x', '12345', '1234567890123', 'planted-secret-hunter2', '٤٨٢١٩٩٣٠', '4'.repeat(10_000)]) {
      const answer = await shown(guard, text);
      assert.equal(statusOf(answer), 401);
      assert.ok(!JSON.stringify(answer).includes('planted'));
    }
    assert.equal(tools.hashes.count - before, 7);
  });

  test('another code ends the sessions of the one before; a code that was removed lets nobody in', async () => {
    const { guard, tools } = await built();
    const session = cookiesOf(await shown(guard, code)).slice(0, 1);
    await tools.people.pins.set('blog', '73 55 01 92');
    assert.equal(await tried(guard, session), 'credentials-expired');
    assert.equal(statusOf(await shown(guard, code)), 401);
    const next = cookiesOf(await shown(guard, '73550192')).slice(0, 1);
    // Where a session of another code still stands, the guard itself does not take it.
    const other = { find: () => ({ service: 'blog', hash: '', revision: 1, createdAt: 0 }) };
    assert.equal(await tried(pin.build(pin.options.parse({}), { ...tools, pins: other }, blog), next), 'credentials-expired');
    await tools.people.pins.remove('blog');
    assert.equal(await tried(guard, next), 'credentials-expired');
    assert.equal(statusOf(await shown(guard, '73550192')), 401);
    assert.deepEqual(tools.people.sessions.list(), []);
  });

  test('configured without a code, the service does not start', async () => {
    const tools: TestTools = await testTools([]);
    assert.throws(
      () => pin.build(pin.options.parse({}), tools, blog),
      (error) => error instanceof SallyportError && error.code === 'pin-missing',
    );
  });

  test('session of another service, over plain HTTP, from another site, two cookies: nobody comes in', async () => {
    const { guard, tools } = await built();
    await tools.people.pins.set('photos', '90 17 35 22');
    const photos = pin.build(pin.options.parse({}), tools, { ...blog, name: 'photos' });
    const session = cookiesOf(await shown(guard, code)).slice(0, 1);
    assert.equal(await tried(photos, session), 'credentials-expired');
    assert.equal(statusOf(await shown(photos, code)), 401, 'the code of one service opens no other');
    assert.equal(statusOf(await shown(guard, code, { scheme: 'http' })), 'credentials-missing');
    assert.equal(await tried(guard, [...session, ...session]), 'credentials-wrong');
    assert.equal(await tried(guard, [...session, ['Origin', 'https://evil.example']], { method: 'POST' }), 'origin-foreign');
    assert.deepEqual(await guard.check(rawExchange(), noBody), { is: 'skip' });
    assert.deepEqual(fieldOf(await shown(guard, code, {}, 'https://evil.example/'), 'Location'), ['/']);
  });

  test('codes that everybody tries first are not taken, and those that are made are', () => {
    for (const weak of ['12345', '1234567890123', '000000', '121212', '123456', '987654', '890123', '123123', '1234x6', ''])
      assert.notEqual(pinFault(weak), null, weak);
    for (const good of ['482199', '48 21-99', '730155192012']) assert.equal(pinFault(good), null, good);
    let turn = 0;
    const made = newPin((below) => (turn += turn < 8 ? 1 : 7) % below);
    assert.match(made, /^\d{8}$/);
    assert.equal(pinFault(made), null);
  });
});
