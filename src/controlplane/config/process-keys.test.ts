/** What a file says of its process: whom it becomes, and which sockets it was handed. */

import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { parser } from '../../cli/configuration.ts';

const parsed = (text: string) => parser.parse(`${text}\nservices: { a: { to: 3000 } }\n`, '/etc/sallyport.yaml');

test('a user and a socket are taken as they are written', () => {
  const found = parsed("user: sallyport\nlisten: { url: 'https://0.0.0.0:443', socket: web }");
  deepEqual(found.ok ? [found.config.user, found.config.listen] : found.problems, [
    'sallyport',
    [{ scheme: 'https', host: '0.0.0.0', port: 443, socket: 'web' }],
  ]);
});

test('balancers and a socket go together; a field that nobody is believed in is a mistake', () => {
  equal(parsed("listen: { url: 'https://0.0.0.0:443', socket: web, trust: [10.0.0.0/8], header: forwarded }").ok, true);
  for (const beside of ['', ', socket: web, header: forwarded', ', header: x-forwarded-for']) {
    const found = parsed(`listen: { url: 'https://0.0.0.0:443'${beside} }`);
    match(found.ok ? 'taken' : (found.problems[0]?.sentence ?? ''), /networks of balancers/, beside);
  }
});

test('what is no user and no name of a socket is named with its place', () => {
  for (const [text, sentence] of [
    ['user: "a b"', /user: .*expected the name of a user/],
    ['user: 0', /user: .*expected/],
    ["listen: { url: 'https://0.0.0.0:443', socket: 'a:b' }", /expected a name of a socket/],
  ] as const) {
    const found = parsed(text);
    match(found.ok ? 'taken' : (found.problems[0]?.sentence ?? ''), sentence);
  }
});
