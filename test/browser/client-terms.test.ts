/** A client of a proxy accepts its terms as a person does, and its key opens from then on: a real browser, over TLS. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { it } from 'node:test';
import { connect } from 'node:tls';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import type { AuditEvent } from '../../src/core/audit/event.ts';
import { freePort } from '../e2e/free-port.ts';
import { isReady, ownFolder, startWritten } from '../e2e/written-gateway.ts';
import { launchBrowser, withoutBrowser } from './browser.ts';

it(
  'terms: an inactive key is told where, the page is read and accepted in a browser, and the key opens',
  { skip: withoutBrowser },
  async (test) => {
    const [folder, port] = [await ownFolder(test), await freePort()];
    const terminal = scriptedTerminal({ home: join(folder, 'home') });
    assert.equal(await runCommand(['clients', 'add', 'partner', '--per-month', '500GB', '--json'], terminal), 0);
    const key = String(terminal.events()[0]?.['key']);
    await writeFile(join(folder, 'terms.md'), '# Fair use\n\n- Be kind.\n- <script>document.title = "taken"</script>\n');
    const server = createServer((socket) => void socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    test.after(() => void server.close());
    const to = (server.address() as AddressInfo).port;
    const gateway = await startWritten(test, {
      folder,
      text: `clients: { terms: { file: terms.md, version: "2026-11" }, agreed: { uptime: 99.5 } }
services:
  out: { at: proxy.localhost, proxy: { listen: "https://127.0.0.1:${port}" }, access: [{ key: {} }], destinations: { allow: ["127.0.0.1:*"] } }
`,
    });
    await gateway.event(isReady);
    const ca = await readFile(gateway.ca);
    const tunnel = async (): Promise<string> => {
      const socket = connect({ host: '127.0.0.1', port, servername: 'proxy.localhost', ca });
      const basic = Buffer.from(`partner:${key}`).toString('base64');
      socket.write(`CONNECT 127.0.0.1:${to} HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\nProxy-Authorization: Basic ${basic}\r\n\r\n`);
      const [bytes] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      return bytes.toString('latin1');
    };
    const refused = await tunnel();
    const [, address = ''] = /^HTTP\/1\.1 403 [^]* are accepted at (https:\S+)/.exec(refused) ?? [];
    assert.equal(address, `https://proxy.localhost:${port}/.sallyport/client`);

    const browser = await launchBrowser();
    test.after(() => browser.close());
    const context = await browser.newContext({ ignoreHTTPSErrors: true, httpCredentials: { username: 'partner', password: key } });
    const page = await context.newPage();
    assert.equal((await page.goto(address))?.status(), 200);
    assert.equal(await page.title(), 'Your access: partner', 'what is in the terms runs nowhere');
    assert.equal(await page.getByText('Be kind.').count(), 1);
    assert.equal(await page.getByText(`curl --proxy https://proxy.localhost:${port} --proxy-user partner`).count(), 1);
    assert.equal((await page.content()).includes(key), false);
    await page.getByRole('button', { name: 'I accept version 2026-11' }).click();
    await page.getByText('Thank you.').waitFor();
    assert.match(await tunnel(), /^HTTP\/1\.1 200 /);
    await page.getByRole('link', { name: 'Back to the page' }).click();
    await page.getByText('You accepted version 2026-11 on').waitFor();

    const records = gateway.events.flatMap((event): readonly AuditEvent[] => (event.event === 'exchange' ? [event.record] : []));
    const said = records.find(({ why }) => why?.startsWith('the client partner accepted') === true);
    assert.match(said?.why ?? '', /terms 2026-11, SHA-256 [0-9a-f]{64}$/);
  },
);
