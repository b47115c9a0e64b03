/** Destinations on another machine of this network: what it sees at its socket when a proxy leads there, and when it does not. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { it, type TestContext } from 'node:test';
import { curl, withoutCurl, type Curled } from './curl.ts';
import { freePort } from './free-port.ts';
import { otherMachine } from './other-machine.ts';
import { goodPassword, isReady, ownFolder, startWritten } from './written-gateway.ts';

/** Says its port, then a line for each connection that it gets; answers requests, and echoes all else. */
const program = `const page = 'HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\nConnection: close\\r\\n\\r\\nthere';
const server = require('node:net').createServer((socket) => {
  console.log('came');
  socket.on('error', () => {}).on('data', (bytes) => socket.write(bytes.toString('latin1').startsWith('GET') ? page : bytes));
});
server.listen(0, process.argv[1], () => console.log(server.address().port));`;

async function say(port: number, text: string, enough: RegExp): Promise<string> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  let said = '';
  socket.on('data', (chunk: Buffer) => {
    said += chunk.toString('latin1');
    if (enough.test(said)) socket.destroy();
  });
  socket.write(text);
  await new Promise((closed) => socket.once('close', closed));
  return said;
}

it('SSRF: a machine of this network is not even knocked at, until its network is allowed', async (context: TestContext) => {
  const machine = otherMachine(context);
  if (typeof machine === 'string') return context.skip(machine);
  const [file = '', ...words] = machine.under;
  const server = spawn(file, [...words, process.execPath, '-e', program, machine.theirs], { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(() => void server.kill());
  const lines: string[] = [];
  const reader = createInterface(server.stdout).on('line', (line) => void lines.push(line));
  await once(reader, 'line');
  const there = Number(lines[0]);
  const port = await freePort();
  const text = (destinations: string): string =>
    `services:\n  out: { proxy: { socks5: true, listen: "http://127.0.0.1:${port}" }, access: [{ password: {} }], destinations: { ${destinations} } }\n`;
  const gateway = await startWritten(context, { folder: await ownFolder(context), users: ['ana'], text: text('allow: ["*:*"]') });
  await gateway.event(isReady);
  const basic = `Proxy-Authorization: Basic ${Buffer.from(`ana:${goodPassword}`).toString('base64')}`;
  const to = `${machine.theirs}:${there}`;
  const tunnel = `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n${basic}\r\n\r\nhello`;
  const get = `GET http://${to}/ HTTP/1.1\r\nHost: x\r\n${basic}\r\nConnection: close\r\n\r\n`;
  for (const destinations of ['allow: ["*:*"]', 'allow: ["0.0.0.0/0:*"]', 'mode: watch', `allow: ["${machine.ours}:*"]`]) {
    await gateway.rewrite(text(destinations));
    for (const asked of [tunnel, get]) assert.match(await say(port, asked, /\r\n\r\n/), /^HTTP\/1\.1 403 /, destinations);
  }
  await gateway.rewrite(text(`allow: ["${machine.theirs}:*"]`));
  assert.match(await say(port, tunnel, /hello/), /^HTTP\/1\.1 200 [^]*hello$/);
  // One knock in all, in the order in which they came.
  assert.deepEqual(lines.slice(1), ['came']);
  if (withoutCurl !== false) return undefined;
  // As people ask for it, with the right password and with a wrong one.
  const schemes = ['http', 'socks5', 'socks5h'];
  const asked = (password: string): Promise<readonly Curled[]> => {
    const by = (scheme: string): readonly string[] => ['--proxy', `${scheme}://ana:${encodeURIComponent(password)}@127.0.0.1:${port}`];
    return Promise.all(schemes.map((scheme) => curl(['--noproxy', '', ...by(scheme), `http://${to}/`])));
  };
  for (const { body, said } of await asked(goodPassword)) assert.equal(body, 'there', said);
  assert.deepEqual(
    (await asked('wrong')).map(({ status, exit }) => [status, exit]),
    [
      [407, 0],
      [0, 97],
      [0, 97],
    ],
  );
  assert.equal(lines.length, 2 + schemes.length);
  return undefined;
});
