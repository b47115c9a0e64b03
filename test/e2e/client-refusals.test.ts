/** What a client of a proxy is told when it is refused: as a page, as a line and as a problem, in its language, and on its own page. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { codes } from '../../src/core/errors.ts';
import { freePort } from './free-port.ts';
import { isReady, ownFolder, startWritten } from './written-gateway.ts';

test('a client over its quota, or suspended, sees a page in a browser, a line in a program, and why on its own page', async (context) => {
  const folder = await ownFolder(context);
  const server = createServer((_request, response) => response.end('x'.repeat(3_000)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => void server.close());
  const [to, port] = [(server.address() as AddressInfo).port, await freePort()];
  const command = async (...words: string[]) => {
    const terminal = scriptedTerminal({ home: join(folder, 'home') });
    return { code: await runCommand([...words, '--json'], terminal), event: terminal.events()[0] ?? {} };
  };
  const { event } = await command('clients', 'add', 'partner', '--per-day', '2KB');
  const login = Buffer.from(`partner:${String(event['key'])}`).toString('base64');
  const gateway = await startWritten(context, {
    folder,
    text: `limits: { clientUseMs: 100 }
services:
  out: { proxy: { listen: "http://127.0.0.1:${port}" }, access: [{ key: {} }], destinations: { allow: ["127.0.0.1:${to}"] } }
`,
  });
  await gateway.event(isReady);
  const said = async (target: string, fields: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\nConnection: close\r\n${fields}\r\n`);
    let heard = '';
    for await (const bytes of socket) heard += (bytes as Buffer).toString();
    return heard;
  };
  const asked = (fields: string): Promise<string> => said(`http://127.0.0.1:${to}/`, `Proxy-Authorization: Basic ${login}\r\n${fields}`);
  const browser = 'Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nAccept-Language: ';
  // The answer is longer than the day's bytes: nothing is left after it.
  await asked('');
  const english = await asked(`${browser}en\r\n`);
  assert.match(
    english,
    /^HTTP\/1\.1 429 [^]*Retry-After: \d+\r\n[^]*text\/html[^]*are used up\.<\/p>\n<p>It goes on at \d{4}-\d\d-\d\d 00:00 UTC\./,
  );
  assert.match(await asked(`${browser}de\r\n`), /<html lang="de">[^]*sind verbraucht\.[^]*Weiter geht es am /);
  assert.match(await asked(''), /^HTTP\/1\.1 429 [^]*text\/plain[^]*The client partner has used the 2 KB of this day\.\n$/);
  assert.match(await asked('Accept: application/json\r\n'), /"status":429,"detail":"[^"]+","code":"quota-exceeded"/);
  const denied = await said('http://10.1.2.3/', `Proxy-Authorization: Basic ${login}\r\n${browser}en\r\n`);
  assert.match(denied, /^HTTP\/1\.1 429 /);

  await command('clients', 'set', 'partner', '--per-day', 'none');
  while (!(await asked('')).startsWith('HTTP/1.1 200 ')) await new Promise((turn) => setTimeout(turn, 30));
  assert.match(
    await said('http://10.1.2.3/', `Proxy-Authorization: Basic ${login}\r\n${browser}en\r\n`),
    /^HTTP\/1\.1 403 [^]*text\/html[^]*This proxy does not lead there\./,
  );
  await command('clients', 'suspend', 'partner', '--why', '<b>invoice</b>');
  while (!(await asked('')).startsWith('HTTP/1.1 403 ')) await new Promise((turn) => setTimeout(turn, 30));
  assert.match(await asked(`${browser}en\r\n`), /Your access is suspended\.<\/p>\n<p>&#60;b&#62;invoice&#60;\/b&#62;<\/p>/);

  let page = '';
  while (!/client-suspended/.test(page)) {
    await new Promise((turn) => setTimeout(turn, 30));
    page = await said('/.sallyport/client', `Authorization: Basic ${login}\r\n${browser}en\r\n`);
  }
  assert.match(page, /10\.1\.2\.3:80 {2}destination-denied: This proxy does not lead there\./);
  assert.match(page, /quota-exceeded: The bytes that were agreed/);
  assert.match(page, /client-suspended: Your access is suspended\./);

  assert.equal(
    (await command('clients', 'usage', 'partner', '--from', '2026-02-01', '--to', '2026-01-01')).code,
    codes['usage-wrong'].exit,
  );
});
