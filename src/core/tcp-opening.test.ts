import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaults } from './limits.ts';
import { readBasic } from './policy/credentials.ts';
import { RequestReader } from './http/request-reader.ts';
import { isLinkSecret, TcpAnswerReader, tcpOpeningText, type TcpCredential } from './tcp-opening.ts';

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const latin1 = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));

test('a gateway reads the opening as what it was meant to be', () => {
  const secret = 'A_-4567890123456789012';
  const credentials: readonly (readonly [TcpCredential, string | undefined])[] = [
    [null, undefined],
    [{ is: 'link', secret }, `Link ${secret}`],
    [{ is: 'password', user: 'ana', password: 'größer als: 8' }, undefined],
  ];
  for (const [credential, said] of credentials) {
    const step = new RequestReader({ limits: defaults, latin1 }).push(bytesOf(tcpOpeningText('ssh.example.org', 8_443, credential)), 0);
    assert.ok(step.is === 'head');
    assert.deepEqual(
      [step.head.upgrade, step.head.authority, step.head.framing.is],
      ['sallyport-tcp', { host: 'ssh.example.org', port: 8_443 }, 'none'],
    );
    const shown = step.head.fields.find(({ lower }) => lower === 'sallyport-authorization')?.value;
    if (credential?.is === 'password') assert.deepEqual(readBasic((shown ?? '').slice(6)), { user: 'ana', password: 'größer als: 8' });
    else assert.equal(shown, said);
  }
  assert.match(tcpOpeningText('[::1]', 443, null), /^GET \/ HTTP\/1\.1\r\nHost: \[::1\]\r\n/);
  assert.match(tcpOpeningText('[::1]', 1, null), /\r\nHost: \[::1\]:1\r\n/);
});

test('an upgrade to sallyport-tcp is GET without a body, or refused', () => {
  const head = 'Host: a\r\nConnection: Upgrade\r\nUpgrade: sallyport-tcp\r\n';
  const read = (text: string) => new RequestReader({ limits: defaults, latin1 }).push(bytesOf(text), 0);
  for (const text of [`POST / HTTP/1.1\r\n${head}Content-Length: 0\r\n\r\n`, `GET / HTTP/1.1\r\n${head}Content-Length: 3\r\n\r\nabc`]) {
    const step = read(text);
    assert.ok(step.is === 'refused' && step.fault.code === 'upgrade-refused', text);
  }
  for (const text of [
    `GET / HTTP/1.0\r\n${head}\r\n`,
    `GET / HTTP/1.1\r\nHost: a\r\nUpgrade: sallyport-tcp\r\n\r\n`,
    `GET / HTTP/1.1\r\n${head}Upgrade: websocket\r\n\r\n`,
  ]) {
    const step = read(text);
    assert.ok(step.is === 'head' && step.head.upgrade === null, text);
  }
});

const answers: readonly (readonly [text: string, found: string])[] = [
  ['HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sallyport-tcp\r\n\r\nSSH-2.0-x', 'open'],
  ['HTTP/1.1 101\r\nupgrade:sallyport-tcp\r\nconnection: upgrade\r\n\r\nSSH-2.0-x', 'open'],
  ['HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n', 'refused 401'],
  ['HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', 'malformed'],
  ['HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: sallyport-tcp\r\nUpgrade: websocket\r\n\r\n', 'malformed'],
  ['HTTP/1.1 101 x\r\nUpgrade: sallyport-tcp\r\n\r\n', 'malformed'],
  ['HTTP/1.0 101 x\r\nConnection: Upgrade\r\nUpgrade: sallyport-tcp\r\n\r\n', 'malformed'],
  ['SSH-2.0-OpenSSH\r\n\r\n', 'malformed'],
  ['\r\n\r\n', 'malformed'],
  ['x'.repeat(20_000), 'malformed'],
  ['HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n', 'more'],
];

test('an answer is read the same at every split, and no byte of the service is taken', () => {
  for (const [text, found] of answers) {
    const bytes = bytesOf(text);
    for (let split = 0; split <= Math.min(bytes.length, 200); split += 1) {
      const reader = new TcpAnswerReader();
      let answer = reader.push(bytes.subarray(0, split));
      const from = answer.is === 'more' ? split : 0;
      if (answer.is === 'more') answer = reader.push(bytes.subarray(split));
      assert.equal(answer.is === 'refused' ? `refused ${answer.status}` : answer.is, found, `${text} at ${split}`);
      if (answer.is === 'open') assert.equal(text.slice(from + answer.next), 'SSH-2.0-x', String(split));
    }
  }
});

test('a secret is what links are made of, and can break out of no field', () => {
  assert.equal(isLinkSecret('a'.repeat(22)), true);
  for (const text of ['', 'a'.repeat(21), 'a'.repeat(65), `${'a'.repeat(22)}\r\nX: y`, `${'a'.repeat(22)} b`])
    assert.equal(isLinkSecret(text), false);
});
