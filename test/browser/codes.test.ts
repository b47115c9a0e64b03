/** Counted links, short codes and codes by mail in a real browser: its forms are taken, and no Referer holds a secret. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContext } from 'playwright-core';
import { SMTPServer } from 'smtp-server';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { startService, type TestService } from '../e2e/service.ts';
import { isReady, startWritten } from '../e2e/written-gateway.ts';
import { launchBrowser, withoutBrowser } from './browser.ts';

describe('codes and counted links in a browser', { skip: withoutBrowser, timeout: 60_000 }, () => {
  const ends: (() => Promise<unknown>)[] = [];
  const context = { after: (done: () => Promise<void>) => void ends.push(done) };
  const letters: string[] = [];
  let folder: string;
  let service: TestService;
  let url: string;
  let browser: Browser;

  const command = async (words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Readonly<Record<string, unknown>>> => {
    const terminal = scriptedTerminal({ home: join(folder, 'home'), env });
    assert.equal(await runCommand([...words, '--json'], terminal), 0, terminal.written());
    return terminal.events()[0] ?? {};
  };
  /** Somebody with a browser of their own. */
  const visitor = (locale = 'en-GB'): Promise<BrowserContext> => browser.newContext({ ignoreHTTPSErrors: true, locale });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-codes-'));
    ends.push(() => rm(folder, { recursive: true, force: true }));
    const smtp = new SMTPServer({
      authOptional: true,
      logger: false,
      onData: (stream, _session, done) => {
        let text = '';
        stream.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        stream.on('end', () => {
          letters.push(text);
          done();
          smtp.emit('letter');
        });
      },
    });
    await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
    ends.push(() => new Promise<void>((resolve) => smtp.close(() => resolve())));
    service = await startService(context);
    await command(['pins', 'set', 'web'], { SALLYPORT_PIN: '48219930' });
    const gateway = await startWritten(context, {
      folder,
      text: `
listen: https://127.0.0.1:0
mail: { smtp: "smtp://127.0.0.1:${(smtp.server.address() as AddressInfo).port}", from: gate@example.net, starttls: off }
services:
  web:
    at: web.localhost
    to: ${service.port}
    access: [{ link: {} }, { pin: {} }, { email: { allow: [ana@example.org] } }]
`,
    });
    ({ url } = await gateway.event(isReady));
    browser = await launchBrowser();
    ends.push(() => browser.close());
  });
  after(async () => {
    for (const end of ends.toReversed()) await end();
  });

  it('a once-link: looking spends nothing, the button opens it, another browser comes too late; the service sees no secret', async () => {
    const made = await command(['links', 'add', 'web', '--once', '--path', '/album']);
    const secret = String(made['url']).split('/').at(-1) ?? '';
    const link = `${url}/.sallyport/link/${secret}`;
    const [ana, eva] = [await visitor(), await visitor('de-DE')];
    const page = await ana.newPage();
    // The command wrote to the store: the gateway sees it within 300 ms.
    while ((await page.goto(link))?.status() !== 200) await page.waitForTimeout(50);
    await page.reload();
    assert.equal(await page.locator('h1').textContent(), 'Open this link?');
    await page.getByRole('button', { name: 'Open' }).click();
    await page.waitForURL(`${url}/album`);
    assert.match((await page.textContent('body')) ?? '', /"url":"\/album"/);
    const late = await eva.newPage();
    assert.equal((await late.goto(link))?.status(), 403);
    assert.equal(await late.locator('h1').textContent(), 'Dieser Link wurde schon benutzt');
    assert.equal((await page.goto(link))?.status(), 200, 'who is in comes in again');
    assert.equal(new URL(page.url()).pathname, '/album');
    assert.ok(service.seen.length > 0 && !JSON.stringify(service.seen).includes(secret));
    await Promise.all([ana.close(), eva.close()]);
  });

  it('a short code and a code by mail, from the page that a stranger sees', async () => {
    const guest = await visitor();
    const page = await guest.newPage();
    await page.goto(`${url}/a?b=c`);
    await page.getByRole('link', { name: 'Open it with a code' }).click();
    await page.getByLabel('Code').fill('1111 2222');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Code').fill('4821 9930');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${url}/a?b=c`);

    const ana = await visitor('de-AT');
    const mailed = await ana.newPage();
    await mailed.goto(`${url}/x`);
    await mailed.getByRole('link', { name: 'Mit E-Mail anmelden' }).click();
    await mailed.getByLabel('E-Mail-Adresse').fill('Ana@example.org');
    await mailed.getByRole('button').click();
    await mailed.waitForURL(/mailcode/);
    while (letters.length === 0) await mailed.waitForTimeout(20);
    const [, code = ''] = /Der Code ist (\d{4} \d{4})/.exec(letters[0] ?? '') ?? [];
    await mailed.getByLabel('Code').fill(code);
    await mailed.keyboard.press('Enter');
    await mailed.waitForURL(`${url}/x`);
    await Promise.all([guest.close(), ana.close()]);
  });
});
