/** A real browser opens and closes a door for its address, with what browsers send by themselves and without a script. */

import assert from 'node:assert/strict';
import { realpath } from 'node:fs/promises';
import { test } from 'node:test';
import { freePort } from '../e2e/free-port.ts';
import { shake, startOwnTls } from '../e2e/own-tls.ts';
import { startService } from '../e2e/service.ts';
import { goodPassword, ownFolder, startWritten } from '../e2e/written-gateway.ts';
import { openBrowser, withoutBrowser } from './browser.ts';

test('login, open, visit, close: by the buttons of the page alone', { skip: withoutBrowser, timeout: 60_000 }, async (context) => {
  const [own, service, port, folder] = [
    await startOwnTls(context),
    await startService(context),
    await freePort(),
    await ownFolder(context),
  ];
  const text = `{ listen: "https://127.0.0.1:${port}", services: {
    mail: { at: mail.test, to: "tls://127.0.0.1:${own.port}", access: [{ login: { service: web, for: 2h } }] },
    web: { at: web.test, to: ${service.port}, access: [{ password: {} }] } } }`;
  const { ca } = await startWritten(context, { folder, text, users: ['ana'] });
  const browser = await openBrowser(await realpath(folder), ca);
  try {
    const page = await browser.newPage();
    await page.goto(`https://web.test:${port}/.sallyport/door`);
    await page.getByLabel('Name').fill('ana');
    await page.getByLabel('Password').fill(goodPassword);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('mail is closed for your address.').waitFor();
    await assert.rejects(shake(context, port, 'mail.test'));
    await page.getByRole('button', { name: 'Open mail for 2 h' }).click();
    await page.getByText(/mail is open for your address until .* UTC, another 2 h\./).waitFor();
    assert.equal((await shake(context, port, 'mail.test')).fingerprint, own.fingerprint);
    await page.getByRole('button', { name: 'Close mail' }).click();
    await page.getByText('mail is closed for your address.').waitFor();
    await assert.rejects(shake(context, port, 'mail.test'));
    assert.equal(new URL(page.url()).pathname, '/.sallyport/door');
  } finally {
    await browser.close();
  }
});
