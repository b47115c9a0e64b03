/** What is wrong in rules, routes, rewriting and places: line, column, what was found and what was expected. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guards } from '../../registry.ts';
import { configParser, problemWords } from './parse.ts';

const parser = configParser([...guards.values()]);

function said(service: string): string {
  const read = parser.parse(`listen: https://127.0.0.1:443\nservices:\n  a:\n    at: x.org\n    to: 1\n${service}`, '/x/s.yaml');
  return read.ok ? 'nothing' : read.problems.map((problem) => problemWords(problem, 's')).join('\n');
}

const rule = (match: string): string => `    rules:\n      - { match: ${match}, allow: anyone }\n      - otherwise: deny\n`;

const wrong: readonly (readonly [string, string, RegExp])[] = [
  [
    'an unknown key of a match',
    rule('{ pathh: /a }'),
    /line 7, column 20: services\.a\.rules\[0\]\.match\.pathh: unknown key, did you mean path\?/,
  ],
  ['an empty match', rule('{}'), /line 7, column 18: .*expected what to look at/],
  ['a match that is a word', rule('/a'), /line 7, column 18: .*expected what to look at/],
  ['a path without a slash', rule('{ path: admin }'), /line 7, column 26: .*found "admin", expected a path like/],
  ['a path with dots', rule('{ path: /a/../b }'), /line 7, .*found "\/a\/\.\.\/b", expected a path/],
  [
    'a regex that could explode',
    rule("{ path: { regex: '(a+)+\\1' } }"),
    /line 7, column 35: .*expected a pattern without references back/,
  ],
  ['a regex that is too big', rule("{ path: { regex: '(a{100}){100}' } }"), /line 7, column 35: .*expected a pattern of 300 steps at most/],
  ['lookahead', rule("{ path: { regex: '(?=a)b' } }"), /without lookaround/],
  ['a broken regex', rule("{ path: [/a, { regex: '(' }] }"), /line 7, column 40: .*brackets are in pairs/],
  ['a method in small letters', rule('{ method: get }'), /line 7, column 28: .*a method in capitals/],
  ['a field that only proxies say', rule('{ header: { X-Forwarded-For: a } }'), /X-Forwarded-For.*a field that visitors may send/],
  ['a time without a zone', rule("{ time: { from: '08:00', to: '18:00' } }"), /line 7, .*time.*zone/],
  ['a time that is none', rule("{ time: { from: '8', to: '18:00', zone: UTC } }"), /line 7, .*from.*a time of the day/],
  ['a zone that is none', rule("{ time: { from: '08:00', to: '18:00', zone: Vienna } }"), /line 7, .*zone.*a time zone, like/],
  ['a day that is none', rule("{ time: { from: '08:00', to: '18:00', zone: UTC, days: [monday] } }"), /line 7, .*days.*mon, tue/],
  ['a network that is none', rule('{ from: 10.0.0.0/33 }'), /an address or a network/],
  ['a wildcard in the middle', rule("{ host: 'a.*.org' }"), /a name like blog\.example\.org or \*\.example\.org/],
  ['too deep', rule('{ not: { not: { not: { not: { not: { path: /a } } } } } }'), /at most 4 deep/],
  [
    'no last word',
    '    rules:\n      - { match: { path: /a }, allow: anyone }\n',
    /line 7, column 7: .*otherwise: deny, signed-in or anyone as the last rule/,
  ],
  [
    'something behind the last word',
    '    rules:\n      - otherwise: deny\n      - { match: { path: /a }, allow: anyone }\n',
    /line 8, column 9: .*nothing behind otherwise/,
  ],
  [
    'a last word that is none',
    '    rules: [{ otherwise: maybe }]\n',
    /line 6, column 26: .*found "maybe", expected one of deny, signed-in, anyone/,
  ],
  ['allow and deny', '    rules: [{ allow: anyone, deny: anyone }, { otherwise: deny }]\n', /line 6, column 13: .*a rule like/],
  ['nobody named', '    rules: [{ allow: {} }, { otherwise: deny }]\n', /anyone, signed-in, \{ role: NAME \}/],
  ['public beside rules', '    access: [public]\n    rules: [{ otherwise: deny }]\n', /line 6, column 13: .*found public beside rules/],
  ['roles without rules', '    roles: { ana: editor }\n', /found it without rules/],
  ['a route to nothing', '    routes: [{ match: { path: /a } }]\n', /either to or dir/],
  ['a route to TLS', '    routes: [{ to: tls://127.0.0.1:8443 }]\n', /only requests have routes/],
  ['a redirect to everywhere', "    routes: [{ to: 'redirect:https://{path}' }]\n", /line 6, column 20: .*neither before the first slash/],
  ['a script as a redirect', "    routes: [{ to: 'redirect:javascript:alert(1)' }]\n", /expected redirect: and https/],
  ['an answer that needs more', "    routes: [{ to: 'respond:401' }]\n", /no 204, 206, 3xx, 401/],
  ['an answer with text and file', '    routes: [{ to: { respond: 200, text: a, file: b } }]\n', /text or file, not both/],
  [
    'a hop-by-hop field',
    '    rewrite: { request: { set: { Connection: close } } }\n',
    /line 6, column 34: .*found "Connection", expected a field that a request may be given/,
  ],
  ['framing', '    rewrite: { response: { remove: [Content-Length] } }\n', /line 6, column 37: .*a field that a response may be given/],
  ['our own word', '    rewrite: { request: { add: { X-Real-IP: 1.2.3.4 } } }\n', /none that only we say/],
  ['a line end in a value', '    rewrite: { request: { set: { X-A: "a\\r\\nX-B: c" } } }\n', /line 6, column 39: .*a value of one line/],
  ['our cookie', '    rewrite: { response: { add: { Set-Cookie: __Host-sallyport=x } } }\n', /not called sallyport/],
  ['a prefix with a slash', '    rewrite: { path: { strip: /api/ } }\n', /line 6, column 31: .*whole segments/],
  ['a group that is not there', "    rewrite: { path: { regex: '/a(.*)', with: /$2 } }\n", /the pattern has 1 groups/],
  ['an error page for strangers', '    errors: { 401: ./a.html }\n', /there is no 401/],
  ['maintenance with a number', '    maintenance: 7\n', /line 6, column 18: .*true, false or a text/],
  ['a path of our own', '  b: { at: x.org/.sallyport, to: 2 }\n', /line 6, column 12: .*a name and a path/],
  ['a path with a slash at its end', '  b: { at: x.org/a/, to: 2 }\n', /a name and a path like/],
  [
    'one name twice',
    '  b: { at: x.org, to: 2 }\n',
    /line 6, column 12: services\.b\.at: found x\.org, which belongs to services\.a \(line 4\)/,
  ],
  [
    'one place twice',
    '  b: { at: [x.org/api, y.org], to: 2 }\n  c: { at: x.org/%61pi, to: 3 }\n',
    /line 7, column 12: .*found x\.org\/api, which belongs to services\.b \(line 6\)/,
  ],
  ['a path of what is no http', '  b: { at: y.org/a, to: tcp://127.0.0.1:1 }\n', /found a path beside tcp:\/\//],
  ['a name shared with what is no http', '  b: { at: x.org, to: tcp://127.0.0.1:1 }\n', /belongs to services\.a/],
  [
    'rules of what is no http',
    '  b: { at: y.org, to: tcp://127.0.0.1:1, rules: [{ otherwise: deny }] }\n',
    /beside tcp:\/\/, expected it beside http only/,
  ],
];

for (const [title, text, expected] of wrong) {
  test(`names ${title} with line, column and what was expected`, () => {
    assert.match(said(text), expected);
  });
}

test('what is right is taken, each form once', () => {
  assert.equal(
    said(`    access: [{ password: {} }]
    roles: { ana: [editor, guest] }
    rules:
      - match:
          any: [{ host: '*.x.org' }, { all: [{ path: { prefix: /a } }, { not: { from: [10.0.0.0/8] } }] }]
          query: { draft: true, page: 1 }
        deny: { role: guest, user: [eve] }
      - { allow: { role: editor } }
      - otherwise: signed-in
    routes:
      - { match: { path: /a }, to: 'redirect:/b/{path}' }
      - { match: { path: /b }, to: { redirect: 'https://y.org/', status: 308 } }
      - { dir: ./site }
    rewrite:
      request: { set: { x-a: 1 } }
      path: { regex: '/a/(.*)', with: /b/$1 }
      query: { set: { lang: de }, remove: [utm_source] }
      outside: true
      cookies: { domain: keep, samesite: lax }
    errors: { 404: ./404.html }
    maintenance: false
`),
    'nothing',
  );
});
