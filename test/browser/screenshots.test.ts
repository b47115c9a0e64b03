/** Every page can be read, heard and worked with keys: measured in a browser, in both languages, light and dark, on the smallest screen. */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { buildPages } from '../../src/controlplane/config/page-settings.ts';
import { defaults } from '../../src/core/limits.ts';
import { launchBrowser, withoutBrowser } from './browser.ts';
import { gallery, serveGallery, type GalleryServer } from './screenshots-gallery.ts';
import { enlarge, focused, fromTheTop, measure, type Focused, type Measured } from './screenshots-measure.ts';

/** WCAG 2.2, 1.4.10: 320 pixels wide, which is 1280 at 400 %. */
const narrow = { width: 320, height: 640 };

describe('our own pages in a browser', { skip: withoutBrowser, timeout: 120_000 }, () => {
  let server: GalleryServer;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** What the browser's console said: a policy that forbids a part of our own page does. */
  const complaints: string[] = [];

  before(async () => {
    server = await serveGallery();
    browser = await launchBrowser();
    context = await browser.newContext({ locale: 'de-AT', viewport: narrow });
    page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('favicon')) complaints.push(`${page.url()}: ${message.text()}`);
    });
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  const open = (name: string) => page.goto(`${server.url}/${name}`);
  const measured = () => page.evaluate<Measured>(measure);

  it('labels, headings, language and contrast (WCAG 2.2, AA), on 320 pixels and with type twice as large', async () => {
    for (const name of Object.keys(gallery)) {
      // Error pages differ in their words alone.
      if (name.startsWith('error-') && name !== 'error-431' && name !== 'error-504') continue;
      await page.emulateMedia({ colorScheme: 'light' });
      await open(name);
      assertAccessible(name, await measured());
      await page.emulateMedia({ colorScheme: 'dark' });
      await page.evaluate(enlarge);
      assertAccessible(`${name}, dark and twice as large`, await measured());
    }
    assert.deepEqual(complaints, []);
  });

  it('every page says which language it is in', async () => {
    for (const [asked, language] of [
      ['de-AT,de;q=0.9', 'de'],
      ['fr,en;q=0.5', 'en'],
    ] as const) {
      for (const name of Object.keys(gallery)) {
        const answer = await fetch(`${server.url}/${name}`, { headers: { 'Accept-Language': asked } });
        assert.equal(answer.headers.get('content-language'), language, name);
        assert.match(await answer.text(), new RegExp(`<html lang="${language}">`), name);
      }
    }
  });

  it('a theme shows its picture and its colours, and the policy forbids neither', async () => {
    const place = await mkdtemp(join(tmpdir(), 'sallyport-theme-'));
    const path = join(place, 'logo.svg');
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="20"/></svg>';
    await writeFile(path, svg);
    const accent = { light: [10, 107, 75], dark: [120, 220, 180] } as const;
    const { settings } = buildPages({ theme: { name: 'Ana', logo: path, accent } }, defaults);
    await rm(place, { recursive: true });
    const themed = await serveGallery(settings, svg);
    try {
      for (const [colorScheme, button] of [
        ['light', 'rgb(10, 107, 75)'],
        ['dark', 'rgb(120, 220, 180)'],
      ] as const) {
        await page.emulateMedia({ colorScheme });
        await page.goto(`${themed.url}/login-wrong`);
        const found = await page.evaluate<{ width: number; button: string }>(
          `({ width: document.images[0].naturalWidth, button: getComputedStyle(document.querySelector('button')).backgroundColor })`,
        );
        assert.deepEqual(found, { width: 40, button });
        assertAccessible(`themed, ${colorScheme}`, await measured());
      }
    } finally {
      await themed.close();
    }
    assert.deepEqual(complaints, []);
  });

  it('the keys go through a page in the order in which it is read, and show where they are', async () => {
    for (const name of ['login-ways', 'mail-code-wrong', 'totp-alone-wrong', 'link-counted', 'door']) {
      await open(name);
      const { focusable } = await measured();
      await page.evaluate(fromTheTop);
      const seen: string[] = [];
      for (const _ of focusable) {
        await page.keyboard.press('Tab');
        const { html, ring } = await page.evaluate<Focused>(focused);
        assert.ok(ring, `${name}: ${html} has the focus, and nobody can see that`);
        seen.push(html);
      }
      assert.deepEqual(seen, focusable, name);
    }
  });
});

function assertAccessible(name: string, { lang, title, headings, mains, nameless, faint, small, beyond }: Measured): void {
  assert.equal(lang, 'de', name);
  assert.ok(title.trim() !== '', `${name}: a title`);
  // One at the top, and parts below it: no level is left out.
  assert.match(headings.join(' '), /^H1(?: H2(?: H3)*)*$/, `${name}: headings`);
  assert.equal(mains, 1, name);
  assert.deepEqual({ nameless, faint, small, beyond }, { nameless: [], faint: [], small: [], beyond: 0 }, name);
}
