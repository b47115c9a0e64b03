/** A shared blog as people meet it in a browser: the login, the link, the blog behind them, and what other sites cannot do. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { openLocalCa } from '../../src/controlplane/certificates/local-ca.ts';
import { openHome } from '../../src/controlplane/home.ts';
import { linkOf, text } from '../e2e/lines.ts';
import { run, runInside, type Line } from '../e2e/program.ts';
import { openBrowser, withoutBrowser } from './browser.ts';
import { otherSite, type OtherSite } from './other-site.ts';

const password = 'four unrelated words here';
const session = '__Host-sallyport-session';
const device = '__Host-sallyport-device';
/** A page of a service that is away tries again after five seconds. */
const backMs = 15_000;

type Blog = Readonly<{ port: number; close: () => Promise<void> }>;

/** The example in a process of its own, so that it can go away and come back. */
async function startBlog(port = 0): Promise<Blog> {
  const child = spawn(process.execPath, ['examples/blog/main.ts', '--port', String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    port: Number(new URL(String(said).trim()).port),
    close: async () => {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

/** What the page says when a WebSocket to that address was tried: what came back, or `refused`. */
function webSocket(page: Page, url: string): Promise<string> {
  return page.evaluate(
    (address) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(address);
        socket.addEventListener('open', () => socket.send('hello'));
        socket.addEventListener('message', ({ data }) => resolve(String(data)));
        socket.addEventListener('error', () => resolve('refused'));
      }),
    url,
  );
}

describe('a share in a browser', { skip: withoutBrowser, timeout: 120_000 }, () => {
  const ends: (() => Promise<unknown>)[] = [];
  let blog: Blog;
  let byPassword: Line;
  let byLink: Line;
  let browser: BrowserContext;
  let page: Page;
  let url: string;
  /** Another site, and the same host at another port: from there the browser sends our cookies along. */
  let foreign: OtherSite;
  let neighbour: OtherSite;
  /** What the browser's console said against our pages. */
  const complaints: string[] = [];

  before(async () => {
    const place = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-browser-')));
    ends.push(() => rm(place, { recursive: true, force: true }));
    const home = join(place, 'home');
    blog = await startBlog();
    ends.push(() => blog.close());
    const context = { after: (end: () => Promise<void>) => void ends.push(end) };
    const words = ['http', String(blog.port)];
    const share = run(context, [...words, '--name', 'blog', '--password', 'ana'], { home, env: { SALLYPORT_PASSWORD: password } });
    byPassword = await share.line('ready');
    byLink = await runInside(context, [...words, '--name', 'linked'], { home }).line('ready');
    url = text(byPassword, 'url');
    const ca = await openLocalCa(await openHome({ SALLYPORT_HOME: home }), { names: [], now: Date.now });
    foreign = await otherSite('evil.example', null);
    neighbour = await otherSite('blog.localhost', await ca.leafFor(['blog.localhost']));
    ends.push(foreign.close, neighbour.close);
    browser = await openBrowser(place, text(byPassword, 'ca'));
    ends.push(() => browser.close());
    browser.on('console', (message) => {
      // That a request was refused is what many of these tests want.
      if (message.type() === 'error' && !/^(?:Failed to load resource|WebSocket connection to)/.test(message.text()))
        complaints.push(message.text());
    });
    page = await browser.newPage();
  });
  after(async () => {
    for (const end of ends.toReversed()) await end();
  });

  const signIn = async (words: string): Promise<void> => {
    await page.getByLabel('Name').fill('ana');
    await page.getByLabel('Password').fill(words);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  const cookieNames = async (at: string): Promise<readonly string[]> => (await browser.cookies(at)).map(({ name }) => name).toSorted();

  it('shows a stranger the login page for whatever is asked, and no dialog of the browser', async () => {
    for (const path of ['/posts/1?from=mail', '/nothing/here']) {
      const answer = await page.goto(`${url}${path}`);
      assert.equal(answer?.status(), 401);
      assert.match(answer.headers()['www-authenticate'] ?? '', /^Sallyport /);
      assert.equal(await page.getByRole('heading').innerText(), 'This address is private');
    }
  });

  it('login CSRF: a form of another site signs nobody in', async () => {
    foreign.show(`<form method="post" action="${url}/.sallyport/login"><input name="user" value="ana">
<input name="password" value="${password}"><input name="to" value="/"><button>win a prize</button></form>`);
    await page.goto(foreign.url);
    const answer = page.waitForResponse(`${url}/.sallyport/login`);
    await page.getByRole('button').click();
    assert.equal((await answer).status(), 401);
    // Not a dialog of the browser either, which would ask for the password in the name of the other site.
    await page.getByText('This address is private').waitFor();
    assert.deepEqual(await cookieNames(url), []);
  });

  it('says that a password is wrong, and leads who knows it to the page that was wanted', async () => {
    await page.goto(`${url}/posts/1?from=mail`);
    await signIn('not the right words');
    assert.equal(await page.getByRole('alert').innerText(), 'The name or the password is wrong.');
    await signIn(password);
    await page.waitForURL(`${url}/posts/1?from=mail`);
    assert.deepEqual(await cookieNames(url), [device, session]);
  });

  it('the blog works: a comment, its cookie, the live list in another window, a WebSocket', async () => {
    const other = await browser.newPage();
    const listens = other.waitForResponse(`${url}/live`);
    await other.goto(`${url}/posts/1`);
    await listens;
    await page.getByLabel('Your name').fill('Ben');
    await page.getByLabel('Your comment').fill('Seen from far away.');
    await page.getByRole('button', { name: 'Leave it here' }).click();
    await page.getByText('Seen from far away.').waitFor();
    await other.getByText('Seen from far away.').waitFor();
    assert.deepEqual(await cookieNames(url), [device, session, 'visitor']);
    assert.equal(await other.getByLabel('Your name').inputValue(), '', 'the live list came without a new page');
    assert.equal(await webSocket(page, `${url.replace('https', 'wss')}/echo`), 'hello');
    await other.close();
  });

  it('CSRF: a form of another origin, with the session that the browser adds, changes nothing', async () => {
    for (const site of [neighbour, foreign]) {
      site.show(`<form method="post" action="${url}/posts/1/comments"><input name="name" value="x"><input name="text" value="planted">
<button>win a prize</button></form>`);
      await page.goto(site.url);
      const answer = page.waitForResponse(`${url}/posts/1/comments`);
      await page.getByRole('button').click();
      // To another site the browser gives no cookie along: there they are a stranger.
      assert.equal((await answer).status(), site === neighbour ? 403 : 401);
    }
    await page.goto(`${url}/posts/1`);
    assert.equal(await page.getByText('planted').count(), 0);
  });

  it('WebSocket hijacking: a page of another origin gets no connection', async () => {
    for (const site of [neighbour, foreign]) {
      await page.goto(site.url);
      assert.equal(await webSocket(page, `${url.replace('https', 'wss')}/echo`), 'refused', site.url);
    }
  });

  it('a comment that is sent after the session has ended leads to the login page, and back to the form', async () => {
    const kept = await browser.cookies(url);
    await page.goto(`${url}/posts/1`);
    await browser.clearCookies();
    await page.getByLabel('Your comment').fill('too late');
    await page.getByLabel('Your name').fill('Ben');
    await page.getByRole('button', { name: 'Leave it here' }).click();
    await signIn(password);
    await page.waitForURL(`${url}/posts/1`);
    assert.equal(await page.getByText('too late').count(), 0);
    await browser.addCookies(kept.filter(({ name }) => name !== session));
  });

  it('a service that is away has a page that comes back by itself when it does', async () => {
    const { port } = blog;
    await blog.close();
    const answer = await page.goto(`${url}/posts/1`);
    // Over HTTP/2, with a certificate that the browser takes without a word.
    assert.equal(await page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol"), 'h2');
    assert.match((await answer?.securityDetails())?.protocol ?? '', /^TLS 1\.3$/);
    assert.equal(answer?.status(), 502);
    assert.equal(await page.getByRole('heading').innerText(), 'The service is not there right now');
    blog = await startBlog(port);
    await page.getByLabel('Your comment').waitFor({ timeout: backMs });
    assert.equal(page.url(), `${url}/posts/1`);
  });

  it('signing out ends the session here and there', async () => {
    const before = (await browser.cookies(url)).find(({ name }) => name === session);
    await page.locator('main').evaluate((main) => {
      main.innerHTML = '<form method="post" action="/.sallyport/logout"><button>Sign out</button></form>';
    });
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('This address is private').waitFor();
    assert.equal((await cookieNames(url)).includes(session), false);
    assert.ok(before !== undefined);
    await browser.addCookies([before]);
    assert.equal((await page.goto(`${url}/posts/1`))?.status(), 401, 'the old cookie opens nothing');
    await browser.clearCookies();
  });

  it('a link: its secret is in no address that stays, in no history, and leaves in no Referer', async () => {
    const there = text(byLink, 'url');
    const secret = linkOf(byLink).split('/').at(-1) ?? '';
    assert.equal((await page.goto(there))?.status(), 401);
    assert.match(await page.locator('main').innerText(), /Open the link that you were given/);
    const answers: number[] = [];
    page.on('response', (answer) => void answers.push(answer.status()));
    await page.goto(linkOf(byLink));
    assert.deepEqual([answers[0], page.url()], [303, `${there}/`]);
    await page.locator('main').evaluate((main, to) => {
      main.innerHTML = `<a href="${to}">away</a>`;
    }, foreign.url);
    await page.getByText('away').click();
    await page.waitForURL(`${foreign.url}/`);
    assert.equal(String(foreign.referers.at(-1)).includes(secret), false);
    await page.goBack();
    assert.equal(page.url(), `${there}/`);
    await page.goBack();
    assert.equal(page.url().includes(secret), false);
  });

  it('no page of ours breaks its own content security policy', () => {
    assert.deepEqual(complaints, []);
  });
});
