/** Makes connections full of requests: by grammar with mistakes in it, and by mutation of the vectors. */

import { readFileSync } from 'node:fs';
import type { Chance } from './chance.ts';

const vectors: readonly Buffer[] = (
  JSON.parse(readFileSync(new URL('../vectors/http1-requests.json', import.meta.url), 'utf8')) as readonly { raw_base64: string }[]
).map(({ raw_base64 }) => Buffer.from(raw_base64, 'base64'));

const methods = [
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'HEAD',
  'OPTIONS',
  'DELETE',
  'PATCH',
  'DELETE',
  'QUERY',
  'PROPFIND',
  'get',
  'TRACE',
  'XYZ',
  'CONNECT',
];
const targets = [
  ...[
    '/',
    '/',
    '/a',
    '/a/b?c=d',
    '/a//b',
    '/%41',
    '/..%2fa',
    '/a b',
    '/a#b',
    '*',
    'a',
    'http://h/',
    'http://h',
    'http://h?x',
    'https://h:443/y',
  ],
  ...[
    'http://u@h/',
    'http:///',
    '//h/x',
    '/?a=[1]',
    '/a|b',
    '/\\',
    '/<',
    '/"',
    '/{',
    '/\x7f',
    '/é',
    '/\t',
    'h:1',
    '?',
    '',
    `/${'x'.repeat(300)}`,
  ],
];
const versions = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.10',
  '',
];
const hosts = ['h', 'h', 'h', 'h', 'h', 'H.', 'h:80', '[::1]', '', 'h, g', 'h/x', 'u@h', 'h:x', '127.0.0.1', '0.0.0.0=5'];
const names = [
  ...['X', 'X-A', 'Accept', 'Cookie', 'Connection', 'Connection', 'Expect', 'Upgrade', 'TE', 'Trailer', 'Keep-Alive', 'Content-Type'],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'X_Y',
    'Transfer_Encoding',
    'Content-Length',
    'Transfer-Encoding',
    'content-length',
    'tRANSFER-eNCODING',
  ],
  ...[
    '',
    ' X',
    'X ',
    'X\t',
    'X\0',
    'X\r',
    'X Y',
    'X(',
    'Content-Length ',
    'Transfer-Encoding\t',
    'Proxy-Connection',
    'Host',
    'HTTP2-Settings',
  ],
];
const values = [
  ...[
    '',
    'a',
    'a b',
    ' a ',
    '\ta\t',
    'close',
    'keep-alive',
    'upgrade',
    'Upgrade, close',
    'websocket',
    'h2c',
    '100-continue',
    'chunked',
    'gzip, chunked',
  ],
  ...[
    'chunked, chunked',
    ' chunked ',
    'CHUNKED',
    'x,chunked',
    'chunked;q=1',
    '\x0bchunked',
    '"chunked"',
    '0',
    '3',
    '5',
    '+5',
    '-1',
    '0x5',
    '5,5',
    '05',
    '5 5',
  ],
  ...['a\0', 'a\rb', 'a\nb', 'a\x7f', 'a\x01', 'é', 'a\r\n b', 'a: b', '99999999999999999999', 'trailers', 'x'.repeat(200)],
];
const sizes = [
  '3',
  '003',
  '3;a',
  '3;a=b',
  '3;a="b c"',
  '3;',
  '3 ',
  ' 3',
  '0x3',
  '+3',
  '3;a="b',
  '3;a=b;c',
  '3\t',
  '3;a =b',
  '-3',
  '',
  'g',
  '3;a="\\"',
  '3;é',
  'fffffffffffffffff',
  '00000000000000003',
];
const ends = [
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\n',
  '\r',
  '\r\r\n',
  '\r\n\r\n',
  ' \r\n',
  '\r\n ',
];
/** Octets that parsers have stumbled over. */
const octets = [0, 9, 10, 11, 12, 13, 27, 32, 34, 44, 45, 48, 58, 59, 61, 92, 127, 133, 160, 255];

/** The bytes of one connection. `risk` is one mistake in so many choices: low numbers make more. */
export function makeCase(chance: Chance): Buffer {
  if (chance.once(3)) return mutated(chance, chance.pick(vectors));
  const risk = chance.pick([3, 8, 20, 60, 1000, 1000]);
  let text = '';
  for (let count = 1 + chance.number(4); count > 0; count -= 1) text += request(chance, risk);
  const bytes = Buffer.from(text, 'latin1');
  return chance.once(4) ? mutated(chance, bytes) : bytes;
}

function request(chance: Chance, risk: number): string {
  const risky = (): boolean => chance.once(risk);
  const end = (): string => (risky() ? chance.pick(ends) : '\r\n');
  const sp = risky() ? chance.pick(['  ', '\t', '', '\x0b']) : ' ';
  const method = risky() ? chance.pick(methods) : chance.pick(methods.slice(0, 11));
  const target = risky() ? chance.pick(targets) : chance.pick(targets.slice(0, 7));
  let text = `${risky() ? chance.pick(['\r\n', '\n', ' ', '\r\n\r\n']) : ''}${method}${sp}${target}${sp}${risky() ? chance.pick(versions) : 'HTTP/1.1'}${end()}`;
  if (!risky()) text += `Host: ${risky() ? chance.pick(hosts) : 'h'}${end()}`;
  for (let count = chance.number(4); count > 0; count -= 1) {
    const name = risky() ? chance.pick(names) : chance.pick(names.slice(0, 4));
    text += `${name}:${chance.pick(['', ' ', ' ', '\t'])}${risky() ? chance.pick(values) : chance.pick(values.slice(0, 5))}${end()}`;
  }
  return text + body(chance, risky, end);
}

function body(chance: Chance, risky: () => boolean, end: () => string): string {
  const content = chance.pick(['', 'abc', 'hello', '0\r\n\r\n', 'GET /x HTTP/1.1\r\nHost: h\r\n\r\n']);
  switch (chance.number(4)) {
    case 0: {
      const length = risky() ? chance.pick(values) : String(content.length);
      return `Content-Length:${chance.pick(['', ' '])}${length}${end()}${risky() ? `Content-Length: ${content.length}${end()}` : ''}${end()}${content}`;
    }
    case 1: {
      let text = `Transfer-Encoding: ${risky() ? chance.pick(values) : 'chunked'}${end()}${risky() ? `Content-Length: ${content.length}${end()}` : ''}${end()}`;
      for (let count = chance.number(3); count > 0; count -= 1)
        text += `${risky() ? chance.pick(sizes) : chance.pick(sizes.slice(0, 5))}${end()}abc${end()}`;
      text += `${risky() ? chance.pick(['00', '0;a', '-0', '0 ']) : '0'}${end()}`;
      if (chance.once(4)) text += `${risky() ? chance.pick(names) : 'X-T'}: ${risky() ? chance.pick(values) : 'y'}${end()}`;
      return text + end();
    }
    default:
      return end();
  }
}

function mutated(chance: Chance, original: Buffer): Buffer {
  let bytes = Buffer.from(original);
  for (let count = 1 + chance.number(3); count > 0; count -= 1) {
    const at = chance.number(bytes.length + 1);
    const to = Math.min(bytes.length, at + chance.number(12));
    const before = bytes.subarray(0, at);
    switch (chance.number(6)) {
      case 0:
        bytes = Buffer.concat([before, Buffer.from([chance.pick(octets)]), bytes.subarray(at)]);
        break;
      case 1:
        bytes = Buffer.concat([before, Buffer.from([chance.pick(octets)]), bytes.subarray(Math.min(bytes.length, at + 1))]);
        break;
      case 2:
        bytes = Buffer.concat([before, bytes.subarray(to)]);
        break;
      case 3:
        bytes = Buffer.concat([before, bytes.subarray(at, to), bytes.subarray(at)]);
        break;
      case 4:
        bytes = Buffer.concat([before, chance.pick(vectors)]);
        break;
      default:
        bytes = Buffer.concat([before, Buffer.from(chance.pick(values), 'latin1'), bytes.subarray(at)]);
    }
  }
  return bytes;
}
