/** The catalogues, as they are read: whole, plain and polite. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeOf, navigation } from '../../../../test/doubles/exchange.ts';
import type { Reply } from '../../http/reply.ts';
import { codes, type Code } from '../../errors.ts';
import { errorReply } from '../error.ts';
import { face } from '../face.ts';
import { say, sayTime } from '../say.ts';
import { usualPages } from '../settings.ts';
import { bracesOf, en } from './en.ts';
import { de } from './de.ts';
import type { Faithful, TextKey, Texts, Values } from './catalogue.ts';

const keys = Object.keys(en) as TextKey[];
const speaks = (language: string, fields: readonly (readonly [string, string])[] = navigation) =>
  exchangeOf({ fields: [...fields, ['Accept-Language', language]] });
const bodyOf = ({ body }: Reply): string => (typeof body === 'string' ? body : '');

/** Whether it compiles as a catalogue. */
type IsCatalogue<Own> = Own extends Texts ? (Own extends Faithful<Own> ? true : false) : false;

test('a translation without a text, with a stranger’s or with other braces does not compile', () => {
  type English = typeof en;
  // Each is a type that has one value: this test fails while it is compiled.
  const proofs: readonly [
    IsCatalogue<English>,
    IsCatalogue<Omit<English, 'login.lead'> & Readonly<{ 'login.lead': 'Öffnen: {host}' }>>,
    IsCatalogue<Omit<English, 'login.lead'>>,
    IsCatalogue<English & Readonly<{ 'login.led': 'x' }>>,
    IsCatalogue<Omit<English, 'login.lead'> & Readonly<{ 'login.lead': 'Öffnen' }>>,
    IsCatalogue<Omit<English, 'login.lead'> & Readonly<{ 'login.lead': 'Öffnen: {hosts}' }>>,
  ] = [true, true, false, false, false, false];
  const values: Values<'login.lead'> = [{ host: 'x' }];
  const none: Values<'login.name'> = [];
  assert.equal(proofs.length + values.length + none.length, 7);
});

test('every language says every text, in plain words, with the same braces', () => {
  for (const [language, texts] of usualPages.texts) {
    assert.deepEqual(Object.keys(texts), keys, `${language}: the order of en.ts`);
    for (const key of keys) {
      assert.deepEqual(bracesOf(texts[key]).toSorted(), bracesOf(en[key]).toSorted(), key);
      assert.ok(/^\S[^]*\S\n?$/.test(texts[key]) && texts[key].length <= 2_000, key);
      assert.doesNotMatch(texts[key], /[<>&"]|\.\.\.|!| {2}/, key);
    }
  }
});

test('German is German: polite, with its own letters, and with no text left in English', () => {
  for (const key of keys) {
    // Single words may be alike: Name, Code.
    if (en[key].includes(' ')) assert.notEqual(de[key], en[key], key);
    assert.doesNotMatch(de[key], /\b(?:du|dir|dein\w*|euch|bitte Sie)\b|ae(?!ro)|\boe|ue(?:ber|cke)|\bthe\b/i, key);
  }
});

test('values are text: braces in them are filled by nothing, and pages escape them', () => {
  assert.equal(say(null, 'login.lead', { host: '{host}$&' }), 'Sign in to open {host}$&.');
  assert.match(
    bodyOf(face(exchangeOf({ fields: navigation, host: '<b>' }), 'credentials-missing', { password: true })),
    /open &#60;b&#62;\./,
  );
});

test('times are counted up to the next whole, as nobody should come too early', () => {
  assert.deepEqual(
    [1, 5, 119, 121, 600].map((seconds) => sayTime(speaks('de'), seconds)),
    ['einem Moment', '5 Sekunden', '119 Sekunden', '3 Minuten', '10 Minuten'],
  );
});

test('a page speaks the language of its visitor and says so; a program is answered in English', () => {
  const page = errorReply(speaks('de-AT,de;q=0.9,en;q=0.5'), 'route-missing');
  assert.match(bodyOf(page), /<html lang="de">[^]*<h1>Hier ist nichts<\/h1>/);
  assert.deepEqual(
    page.fields.filter(([name]) => name === 'Content-Language' || name === 'Vary'),
    [
      ['Content-Language', 'de'],
      ['Vary', 'Accept-Language'],
    ],
  );
  assert.equal(bodyOf(errorReply(speaks('de', []), 'route-missing')), 'There is nothing at this address.\n');
  assert.match(bodyOf(errorReply(speaks('de', [['Accept', 'application/json']]), 'route-missing')), /"title":"Not Found"/);
});

test('uniform face: in one language a stranger gets the same bytes, whatever they asked for', () => {
  for (const language of ['en', 'de', 'xx']) {
    const faces = ['/', '/a', '/.sallyport/x'].flatMap((target) =>
      (['credentials-missing', 'credentials-wrong'] as const).map((code) =>
        JSON.stringify(
          face(exchangeOf({ target, fields: [...navigation, ['Accept-Language', language]] }), code, { password: true }),
        ).replace(/name=\\"to\\" value=\\"[^"]*\\"/, ''),
      ),
    );
    assert.equal(new Set(faces).size, 1, language);
  }
});

test('every refusal has its German page', () => {
  for (const code of Object.keys(codes) as Code[]) assert.match(bodyOf(errorReply(speaks('de'), code)), /<html lang="de">/, code);
});
