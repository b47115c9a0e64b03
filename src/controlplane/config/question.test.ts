/** What `explain` answers, and that it asks and counts nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service, Snapshot } from '../../contracts/snapshot.ts';
import { limitsWith } from '../../core/limits.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { About } from '../../core/policy/explain.ts';
import type { Check } from '../../core/policy/verdict.ts';
import { answerQuestion } from './question.ts';
import type { Asked } from './question.ts';

const seen: Exchange[] = [];
const password: Check = (exchange) => {
  seen.push(exchange);
  return { is: 'challenge', code: 'credentials-missing', why: 'no password was shown', answer: null };
};
const firewall: Check = ({ http }) =>
  http?.target.includes('.env') === true ? { is: 'deny', code: 'path-denied', why: 'the firewall refuses a hidden file' } : { is: 'pass' };

const about = new Map<Check, About>([
  [password, { words: 'a password of ana', knows: (subject) => subject === 'user:ana' }],
  [firewall, { words: 'the firewall' }],
]);

function asked(changes: Partial<Service> = {}): Asked {
  const service: Service = {
    name: 'blog',
    hosts: ['blog.example'],
    open: true,
    expires: null,
    guarded: true,
    asksPassword: true,
    forwarding: { host: null, hostless: '', spent: [], forwarded: true },
    dial: () => assert.fail('nothing is dialled'),
    forms: [],
    words: 'x',
    ...changes,
  };
  const route = {
    name: 'blog',
    service,
    identify: { is: 'check', check: password },
    authorize: [firewall],
    meter: [() => assert.fail('nothing is counted')],
  } as const;
  const snapshot: Snapshot = {
    version: 1,
    route: ({ host }) => (host === 'blog.example' ? route : null),
    face: () => assert.fail('nobody is answered'),
    decoy: null,
    services: [service],
    limits: limitsWith({}),
    unread: null,
    checkNonce: 'n',
  };
  return { snapshot, about: (check) => about.get(check) ?? { words: 'a meter' }, via: 'direct', loopback: true, now: 1_000 };
}

const question = { url: 'https://Blog.Example:8443/a', method: 'GET', from: '192.0.2.7', as: null };

test('says that a credential would be asked for, and by which rule', async () => {
  const { service, verdict, rule } = await answerQuestion(question, asked());
  assert.deepEqual({ service, verdict, rule }, { service: 'blog', verdict: 'ask', rule: 'a password of ana' });
});

test('says who would be let in, without their password, and who would not', async () => {
  assert.equal((await answerQuestion({ ...question, as: 'ana' }, asked())).verdict, 'admit');
  assert.equal((await answerQuestion({ ...question, as: 'ben' }, asked())).verdict, 'refuse');
});

test('says what the firewall refuses to somebody who was let in', async () => {
  const { verdict, code, rule } = await answerQuestion({ ...question, as: 'ana', url: 'https://blog.example/x/.env' }, asked());
  assert.deepEqual({ verdict, code, rule }, { verdict: 'refuse', code: 'path-denied', rule: 'the firewall' });
});

test('says the code that the record would have', async () => {
  const codeOf = async (changes: Partial<Service>, more = {}) => (await answerQuestion({ ...question, ...more }, asked(changes))).code;
  assert.equal(await codeOf({}), 'credentials-missing');
  assert.equal(await codeOf({}, { as: 'ana' }), null);
  assert.equal(await codeOf({ open: false }), 'service-closed');
  assert.equal(await codeOf({ expires: 1_000 }), 'service-expired');
  assert.equal(await codeOf({}, { url: 'https://other.example/' }), 'route-missing');
});

test('judges a connection that is passed on unread without a request', async () => {
  seen.length = 0;
  await answerQuestion({ ...question, url: 'tls://blog.example:8443' }, asked());
  await answerQuestion({ ...question, url: 'tcp://blog.example:8443' }, asked());
  assert.deepEqual(
    seen.filter((_, at) => at % (seen.length / 2) === 0).map(({ http, host, listener }) => [http === null, host, listener.port]),
    [
      [true, 'blog.example', 8_443],
      [false, 'blog.example', 8_443],
    ],
  );
});

test('says that a name is nobody’s, a service closed or its time over', async () => {
  assert.match((await answerQuestion({ ...question, url: 'https://other.example/' }, asked())).why, /no service is called other\.example/);
  assert.match((await answerQuestion(question, asked({ open: false }))).why, /blog is closed/);
  assert.match((await answerQuestion(question, asked({ expires: 999 }))).why, /blog has expired/);
});

test('judges the request as it would be read: canonical host, the path as typed', async () => {
  seen.length = 0;
  await answerQuestion({ ...question, url: 'http://BLOG.example/a/%2e%2e/b?c', from: '::ffff:192.0.2.7' }, asked());
  const [exchange] = seen;
  assert.deepEqual(
    [exchange?.host, exchange?.from.ip, exchange?.http?.target, exchange?.listener.scheme, exchange?.listener.port],
    ['blog.example', '192.0.2.7', '/a/%2e%2e/b?c', 'http', 80],
  );
});

test('refuses a URL, an address and a method that are none', async () => {
  for (const url of ['blog.example', 'ftp://blog.example/', 'https://', 'https://a b/', 'https://blog.example/ x'])
    await assert.rejects(answerQuestion({ ...question, url }, asked()), { code: 'usage-wrong' }, url);
  for (const from of ['', 'ana', '192.0.2', '1.2.3.4/8'])
    await assert.rejects(answerQuestion({ ...question, from }, asked()), { code: 'usage-wrong' }, from);
  for (const method of ['', 'get', 'GET /'])
    await assert.rejects(answerQuestion({ ...question, method }, asked()), { code: 'usage-wrong' }, method);
});
