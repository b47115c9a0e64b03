import assert from 'node:assert/strict';
import { it } from 'node:test';
import { partnerFacts } from '../../../test/doubles/client-facts.ts';
import { exchangeOf } from '../../../test/doubles/exchange.ts';
import { clientPage, type ClientFacts } from './client-page.ts';

const evil = "\"><script>alert(1)</script><img src=x onerror='alert(1)'>";

const facts: ClientFacts = {
  ...partnerFacts,
  suspended: true,
  why: evil,
  terms: { version: '2026-11', hash: 'f'.repeat(64), text: `# Terms\n\n${evil}\n\n- [x](javascript:alert(1))` },
  refused: [{ at: 1_800_000_000_000, destination: evil, code: 'destination-denied' }],
};

it('stored XSS by destination names or terms, or by reasons: all of it is text, under a policy without script', () => {
  const { body, fields } = clientPage(exchangeOf(), facts);
  const shown = String(body);
  assert.doesNotMatch(shown, /<script|<img|href="javascript|onerror=(?!&#39;)/);
  assert.match(shown, /&#60;script&#62;/);
  const policy = fields.find(([name]) => name === 'Content-Security-Policy')?.[1] ?? '';
  assert.match(policy, /^default-src 'none'; style-src [^;]*; form-action 'self'; frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /script-src|unsafe/);
});

it('has the values of whoever asks filled in, their secret left out, and what is used beside what was agreed', () => {
  const shown = String(clientPage(exchangeOf(), facts).body);
  for (const text of [
    'curl --proxy https://proxy.example.org:8443 --proxy-user partner',
    'https://partner:YOUR-KEY@proxy.example.org:8443',
    'https://proxy.example.org:8443/.sallyport/proxy.pac',
    'Today: 500 MB of 2 GB',
    'agreed 99.5 %, measured 99.87 %',
    'agreed 300 ms, measured 91 ms',
    'Tunnels at one moment: 3',
  ])
    assert.ok(shown.includes(text), text);
  assert.doesNotMatch(shown, /sallyport_[0-9A-Za-z]{39}/);
});
