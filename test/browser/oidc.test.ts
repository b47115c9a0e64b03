/** Signing in with an account, as a person meets it: a real provider, a real gateway, a browser. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { openLocalCa } from '../../src/controlplane/certificates/local-ca.ts';
import { openHome } from '../../src/controlplane/home.ts';
import type { Identities } from '../../src/controlplane/identities/identities.ts';
import { clientSecret, startProvider, type TestProvider } from '../doubles/openid-provider.ts';
import { freePort } from '../e2e/free-port.ts';
import { isReady, ownFolder, startWritten, type WrittenGateway } from '../e2e/written-gateway.ts';
import { openBrowser, withoutBrowser } from './browser.ts';
import { peopleOf } from './people.ts';
import { otherSite, type OtherSite } from './other-site.ts';

const session = '__Host-sallyport-session';

describe('an account in a browser', { skip: withoutBrowser, timeout: 120_000 }, () => {
  const ends: (() => Promise<unknown>)[] = [];
  const context = { after: (end: () => Promise<void>) => void ends.push(end) };
  let folder: string;
  let url: string;
  let text: string;
  let provider: TestProvider;
  let gateway: WrittenGateway;
  let blog: OtherSite;
  let browser: BrowserContext;
  let page: Page;
  let withPeople: (task: (people: Identities) => Promise<void>) => Promise<void>;

  before(async () => {
    folder = await ownFolder(context);
    const home = await openHome({ SALLYPORT_HOME: join(folder, 'home') });
    const port = await freePort();
    url = `https://blog.localhost:${port}`;
    blog = await otherSite('127.0.0.1', null);
    ends.push(blog.close);
    blog.show('<h1>The blog</h1><form method="post" action="/.sallyport/logout"><button>Sign out</button></form>');
    const ca = await openLocalCa(home, { names: ['localhost', 'blog.localhost'], now: Date.now });
    const tls = await ca.leafFor(['localhost']);
    provider = await startProvider({
      callback: `${url}/.sallyport/callback`,
      tls: { ca: tls.cert, cert: tls.cert, key: tls.key },
    });
    ends.push(provider.close);
    provider.accounts.set('ana', { groups: ['staff'], preferred_username: 'ana' });
    provider.accounts.set('eve', { groups: ['guests'] });
    withPeople = (task) => peopleOf(home.store, task);
    await withPeople(({ secrets }) => secrets.put('login', Buffer.from(clientSecret)));
    text = `network: shared
local: guarded
listen: [https://127.0.0.1:${port}]
services:
  blog:
    to: ${new URL(blog.url).port}
    at: blog.localhost
    access:
      - oidc: { issuer: ${JSON.stringify(provider.issuer)}, client: gateway, secret: login, groups: [staff], ca: ${JSON.stringify(home.ca)} }
`;
    gateway = await startWritten(context, { folder, text });
    await gateway.event(isReady);
    browser = await openBrowser(folder, home.ca);
    ends.push(() => browser.close());
    page = await browser.newPage();
  });
  after(async () => {
    for (const end of ends.toReversed()) await end();
  });

  const heading = () => page.getByRole('heading').innerText();
  const begin = async (path = '/'): Promise<void> => {
    await page.goto(`${url}${path}`);
    await page.getByRole('link', { name: 'Sign in with your account' }).click();
  };
  const atProvider = async (name: string): Promise<void> => {
    await page.getByLabel('Account').fill(name);
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('heading', { name: 'consent' }).waitFor();
    await page.getByRole('button', { name: 'Go on' }).click();
  };
  /** The address may be that of the page before: what is waited for is what is on it. The provider remembers who has signed in. */
  const atBlog = () => page.getByRole('heading', { name: 'The blog' }).waitFor();
  /**
   * Null when it was cut off: whatever runs by a session ends with it, and a page that was just being sent does. In a window of
   * its own: Chromium's page about a cut loads the address again by itself, into whatever is asked for next.
   */
  const statusNow = async (): Promise<number | null> => {
    const window = await browser.newPage();
    try {
      return (await window.goto(`${url}/`))?.status() ?? null;
    } catch (error) {
      if (!String(error).includes('net::ERR_')) throw error;
      return null;
    } finally {
      await window.close();
    }
  };
  /** Between two looks: each is a window with a process of its own. */
  const pause = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 200));
  const hasSession = async (): Promise<boolean> => (await browser.cookies(url)).some(({ name }) => name === session);

  it('a stranger is asked, signs in, agrees, and is where they wanted to go: login and consent', async () => {
    const answer = await page.goto(`${url}/posts/1?from=mail`);
    assert.equal(answer?.status(), 401);
    assert.equal(await heading(), 'This address is private');
    await begin('/posts/1?from=mail');
    await atProvider('ana');
    await atBlog();
    assert.equal(page.url(), `${url}/posts/1?from=mail`);
    const kept = (await browser.cookies(url)).map(({ name, httpOnly, secure, sameSite }) => [name, httpOnly, secure, sameSite]);
    assert.deepEqual(kept, [[session, true, true, 'Lax']], 'the login has left nothing behind');
  });

  it('logout: the session ends here, and the next request does not sign in by itself', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'This address is private' }).waitFor();
    assert.equal(await hasSession(), false);
  });

  it('tampered state: the way back in another login is nothing, and the page asks again', async () => {
    await page.goto(url);
    await page.goto(`${url}/.sallyport/callback?code=stolen&state=${'A'.repeat(43)}`);
    assert.equal(await heading(), 'This address is private');
    assert.equal(await hasSession(), false);
  });

  it('revoked session: it ends while the browser still has its cookie', async () => {
    await begin();
    await atBlog();
    await withPeople(async ({ sessions }) => {
      for (const { id } of sessions.list()) await sessions.revoke(id);
    });
    // The running gateway hears of it from the store.
    while ((await statusNow()) !== 401) await pause();
    assert.equal(await hasSession(), true);
  });

  it('session expiry, and rules that change: one shows the account once more', async () => {
    await begin();
    await atBlog();
    await gateway.rewrite(`${text.replace('[staff]', '[staff, press]')}limits: { sessionMs: 1000 }\n`);
    assert.equal((await page.goto(`${url}/`))?.status(), 401, 'who may come in was said anew');
    // It may be over before the page is there: what opened it is waited for, and then its end.
    const back = page.waitForResponse((answer) => answer.url().startsWith(`${url}/.sallyport/callback`));
    await begin();
    const opened = await back;
    assert.equal(opened.status(), 303);
    assert.match((await opened.allHeaders())['set-cookie'] ?? '', /__Host-sallyport-session=[\w-]{43};.*Max-Age=1$/m);
    while ((await statusNow()) !== 401) await pause();
    await gateway.rewrite(text);
  });

  it('refused group: a page says so, and there is no session', async () => {
    await browser.clearCookies();
    await begin();
    await atProvider('eve');
    await page.getByRole('heading', { name: 'Not for this account' }).waitFor();
    assert.equal(await hasSession(), false);
  });
});

/** What another command of the same home does. */
