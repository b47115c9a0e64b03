/** The page on which doors are opened: for whom, from where, and in which way. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DoorTerms } from '../../contracts/address-doors.ts';
import type { FormAnswer } from '../../contracts/guard.ts';
import type { Exchange, Identity } from '../../core/policy/exchange.ts';
import type { Verdict } from '../../core/policy/verdict.ts';
import { exchangeOf, navigation } from '../../../test/doubles/exchange.ts';
import { testTools, type TestTools } from '../../../test/doubles/tools.ts';
import { doorForms } from './door-forms.ts';

const terms: DoorTerms = { web: 'web', forMs: 7_200_000, prefix6: 128, cuts: false, users: null, roles: null };

type Asked = Readonly<{ who?: Partial<Identity> | null; from?: string; scheme?: 'http' | 'https'; fields?: string; language?: string }>;

function pageOf(tools: TestTools, more: Partial<DoorTerms> = {}) {
  let verdict: Verdict = { is: 'skip' };
  const offers = [{ service: 'ssh', terms: { ...terms, ...more }, admits: () => true }];
  const forms = doorForms({ web: 'web', signIn: { is: 'check', check: () => verdict }, offers, tools });
  return async (method: 'GET' | 'POST', { who = {}, from = '192.0.2.7', scheme = 'https', fields = '', language = 'en' }: Asked = {}) => {
    const identity: Identity = { guard: 'password', subject: 'user:ana', name: 'ana', by: 'basic', roles: [], ...who };
    verdict = who === null ? { is: 'challenge', code: 'credentials-missing', why: 'nobody', answer: null } : { is: 'pass', identity };
    const shown: Exchange = exchangeOf({
      method,
      target: '/.sallyport/door',
      scheme,
      from,
      fields: [...navigation, ['Accept-Language', language]],
    });
    const form = forms.find((each) => each.method === method);
    assert.ok(form !== undefined);
    return form.handle(shown, { fields: new URLSearchParams(fields), rest: '' });
  };
}

function bodyOf(answer: FormAnswer): string {
  const reply = 'is' in answer ? answer.answer : answer;
  return String(reply?.body ?? '');
}

const codeOf = (answer: FormAnswer): string => ('is' in answer ? answer.code : String(answer.status));

test('who is not signed in, or is only an address, sees the face of the service and opens nothing', async () => {
  const tools = await testTools(['ana']);
  const page = pageOf(tools);
  for (const who of [null, { by: 'address' as const }, { by: 'nothing' as const }]) {
    for (const method of ['GET', 'POST'] as const) {
      const answer = await page(method, { who, fields: 'do=open&service=ssh' });
      assert.deepEqual([codeOf(answer), 'is' in answer && answer.answer], ['credentials-missing', null]);
    }
  }
  assert.equal(codeOf(await page('POST', { scheme: 'http', fields: 'do=open&service=ssh' })), 'credentials-missing', 'over HTTPS only');
  assert.equal(tools.doors.list().length, 0);
});

test('a program opens it with Basic, for the address that it comes from; what is malformed opens nothing', async () => {
  const tools = await testTools(['ana']);
  const page = pageOf(tools);
  const wrong = ['', 'do=open', 'do=open&service=db', 'do=open&service=ssh&service=ssh', 'do=shut&service=ssh', 'do=close&service=ssh'];
  for (const fields of wrong) assert.match(codeOf(await page('POST', { fields })), /body-malformed|rule-denied/, fields);
  assert.equal(codeOf(await page('POST', { fields: 'do=open&service=ssh', from: 'nonsense' })), 'address-denied');
  assert.equal(tools.doors.list().length, 0);
  assert.equal(codeOf(await page('POST', { fields: 'do=open&service=ssh', from: '::ffff:192.0.2.7' })), '303');
  assert.deepEqual(
    tools.doors.list().map(({ network, session, host }) => [network, session, host]),
    [['192.0.2.7/32', null, 'blog.example.test']],
  );
});

test('the page says for which address, until when, who else comes in, and how far it can be believed; in German too', async () => {
  const tools = await testTools(['ana']);
  const page = pageOf(tools, { prefix6: 64 });
  await page('POST', { fields: 'do=open&service=ssh', from: '2001:db8::7' });
  const text = bodyOf(await page('GET', { from: '2001:db8::9' }));
  assert.match(text, /Your address is 2001:db8::9\..*lets in all of 2001:db8::\/64/);
  assert.match(text, /ssh is open for your address until 2027-01-15 10:00 UTC, another 2 h/);
  assert.match(text, /everybody behind the same router/);
  assert.doesNotMatch(text, /<script|Sign out/);
  const elsewhere = bodyOf(await page('GET', { from: '192.0.2.9', language: 'de' }));
  assert.match(elsewhere, /ssh ist für Ihre Adresse geschlossen\./);
  assert.match(elsewhere, /ssh ist für 2001:db8::\/64 offen bis/);
});

test('visitors of one link are not shown to each other, and close only what is theirs', async () => {
  const tools = await testTools(['ana']);
  const { link } = await tools.people.links.create({ service: 'web', expires: null });
  const page = pageOf(tools);
  const visitor = async (source: string): Promise<Partial<Identity>> => {
    const of = { service: 'web', audience: 'x', guard: 'link', subject: `link:${link.id}`, name: 'link', roles: [], revision: 0 };
    const { session } = await tools.sessions.open({ ...of, expires: tools.now() + 3_600_000, source });
    return { subject: `link:${link.id}`, name: 'link', by: 'session', session: session.id };
  };
  const [one, other] = [await visitor('192.0.2.1'), await visitor('192.0.2.2')];
  await page('POST', { who: one, from: '192.0.2.1', fields: 'do=open&service=ssh' });
  const [door] = tools.doors.list();
  assert.ok(!bodyOf(await page('GET', { who: other, from: '192.0.2.2' })).includes('192.0.2.1'));
  assert.equal(codeOf(await page('POST', { who: other, from: '192.0.2.2', fields: `do=close&id=${door?.id ?? ''}` })), '303');
  assert.equal(tools.doors.list().length, 1);
  assert.match(bodyOf(await page('GET', { who: one, from: '192.0.2.1' })), /Signing out closes/);
  await page('POST', { who: one, from: '192.0.2.1', fields: `do=close&id=${door?.id ?? ''}` });
  assert.equal(tools.doors.list().length, 0);
});

test('who has as many as there may be is told so, on the page with what is open', async () => {
  const tools = await testTools(['ana'], { doorsPerSubjectMax: 1 });
  const page = pageOf(tools);
  await page('POST', { fields: 'do=open&service=ssh' });
  const answer = await page('POST', { fields: 'do=open&service=ssh', from: '192.0.2.8' });
  assert.equal(codeOf(answer), 'doors-exceeded');
  assert.match(bodyOf(answer), /role="alert">You have as many open as you may[^]*192\.0\.2\.7/);
});
