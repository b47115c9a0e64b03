/** A passkey, and a password with a code, as a person meets them: a real gateway, a browser with an authenticator. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Secret, TOTP } from 'otpauth';
import type { BrowserContext, Page } from 'playwright-core';
import { openLocalCa } from '../../src/controlplane/certificates/local-ca.ts';
import { openHome } from '../../src/controlplane/home.ts';
import type { Identities } from '../../src/controlplane/identities/identities.ts';
import { codeRules } from '../../src/controlplane/identities/logins/codes.ts';
import { freePort } from '../e2e/free-port.ts';
import { goodPassword, isReady, ownFolder, startWritten } from '../e2e/written-gateway.ts';
import { openBrowser, withoutBrowser } from './browser.ts';
import { peopleOf } from './people.ts';
import { otherSite } from './other-site.ts';

describe('several factors in a browser', { skip: withoutBrowser, timeout: 120_000 }, () => {
  const ends: (() => Promise<unknown>)[] = [];
  const context = { after: (end: () => Promise<void>) => void ends.push(end) };
  let url: string;
  let browser: BrowserContext;
  let page: Page;
  let invitation: string;
  let code: () => string;
  let withPeople: <Result>(task: (people: Identities) => Promise<Result>) => Promise<Result>;

  before(async () => {
    const folder = await ownFolder(context);
    const home = await openHome({ SALLYPORT_HOME: join(folder, 'home') });
    const port = await freePort();
    url = `https://blog.localhost:${port}`;
    const blog = await otherSite('127.0.0.1', null);
    ends.push(blog.close);
    blog.show('<h1>The blog</h1><form method="post" action="/.sallyport/logout"><button>Sign out</button></form>');
    await openLocalCa(home, { names: ['localhost', 'blog.localhost'], now: Date.now });
    withPeople = (task) => peopleOf(home.store, task);
    const secret = randomBytes(20);
    invitation = await withPeople(async ({ users, logins: { codes, passkeys } }) => {
      await users.add('ana', goodPassword);
      await codes.enrol('ana', secret);
      return (await passkeys.invite({ user: 'ana', service: 'blog', label: 'test' })).secret;
    });
    const totp = new TOTP({ ...codeRules, secret: new Secret({ buffer: new Uint8Array(secret).buffer }) });
    code = () => totp.generate();
    const text = `network: shared
local: guarded
listen: [https://127.0.0.1:${port}]
services:
  blog:
    to: ${new URL(blog.url).port}
    at: blog.localhost
    access:
      - passkey: {}
      - allOf: [{ password: {} }, { totp: {} }]
`;
    const gateway = await startWritten(context, { folder, text });
    await gateway.event(isReady);
    browser = await openBrowser(folder, home.ca);
    ends.push(() => browser.close());
    page = await browser.newPage();
    const session = await browser.newCDPSession(page);
    await session.send('WebAuthn.enable');
    await session.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
  });
  after(async () => {
    for (const end of ends.toReversed()) await end();
  });

  const atBlog = () => page.getByRole('heading', { name: 'The blog' }).waitFor();
  const press = (name: string) => page.getByRole('button', { name }).click();

  it('makes a passkey by a link: enrolment link used twice, it opens nothing; its secret leaves the address at once', async () => {
    await page.goto(`${url}/.sallyport/enrol#${invitation}`);
    assert.equal(page.url(), `${url}/.sallyport/enrol`);
    await press('Go on');
    await press('Make a passkey');
    await page.getByText('Your passkey is ready').waitFor();
    await page.goto('about:blank');
    await page.goto(`${url}/.sallyport/enrol#${invitation}`);
    await press('Go on');
    await page.getByText('This link was used already').waitFor();
  });

  it('signs in with the passkey, and is where one wanted to go', async () => {
    assert.equal((await page.goto(`${url}/posts/1?from=mail`))?.status(), 401);
    await page.getByRole('link', { name: 'Sign in with a passkey' }).click();
    await press('Use a passkey');
    await atBlog();
    assert.equal(page.url(), `${url}/posts/1?from=mail`);
    const kept = await browser.cookies(url);
    assert.deepEqual(new Set(kept.map(({ name }) => name)), new Set(['__Host-sallyport-device', '__Host-sallyport-session']));
    assert.ok(kept.every(({ httpOnly, secure }) => httpOnly && secure));
    await press('Sign out');
    await page.getByRole('heading', { name: 'This address is private' }).waitFor();
  });

  it('signs in with a password and then a code, and after the password alone is nowhere', async () => {
    await page.goto(`${url}/posts/2`);
    await page.getByLabel('Name').fill('ana');
    await page.getByLabel('Password').fill(goodPassword);
    await press('Sign in');
    await page.getByRole('heading', { name: 'Your code' }).waitFor();
    const other = await browser.newPage();
    assert.equal((await other.goto(`${url}/posts/2`))?.status(), 401);
    await other.close();
    await page.getByLabel('Code').fill('000000');
    await press('Sign in');
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Code').fill(code());
    await press('Sign in');
    await atBlog();
    assert.equal(page.url(), `${url}/posts/2`);
    await press('Sign out');
    await page.getByRole('heading', { name: 'This address is private' }).waitFor();
  });

  it('opens nothing with a passkey that was taken away', async () => {
    await withPeople(async ({ logins: { passkeys } }) => {
      for (const { id } of passkeys.of('ana')) await passkeys.remove('ana', id);
    });
    for (;;) {
      await page.goto(`${url}/.sallyport/withpasskey`);
      await press('Use a passkey');
      // The running gateway hears of it from the store.
      const over = page.getByRole('alert').filter({ hasText: 'opens nothing here' });
      await over.or(page.getByRole('heading', { name: 'The blog' })).waitFor();
      if (await over.isVisible()) break;
    }
  });
});

/** What another command of the same home does. */
