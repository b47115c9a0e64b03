/**
 * Pictures of every page, in light and dark, English and German, on a phone and a desk, and sheets with all of a kind on one.
 * Run: SALLYPORT_SCREENSHOTS=/tmp/pages node test/browser/screenshots.ts [NAME …]
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { launchBrowser } from './browser.ts';
import { gallery, serveGallery } from './screenshots-gallery.ts';

const folder = process.env['SALLYPORT_SCREENSHOTS'];
const widths = { phone: { width: 360, height: 640 }, desk: { width: 1280, height: 800 } } as const;

if (folder === undefined) {
  process.stderr.write('Say where to: SALLYPORT_SCREENSHOTS=FOLDER node test/browser/screenshots.ts\n');
  process.exitCode = 64;
} else {
  await takeAll(folder, process.argv.slice(2));
}

async function takeAll(to: string, wanted: readonly string[]): Promise<void> {
  const names = Object.keys(gallery).filter((name) => wanted.length === 0 || wanted.includes(name));
  const server = await serveGallery();
  const browser = await launchBrowser();
  try {
    for (const scheme of ['light', 'dark'] as const) {
      for (const language of ['en', 'de'] as const) {
        for (const [width, viewport] of Object.entries(widths)) {
          const kind = `${scheme}-${language}-${width}`;
          await mkdir(join(to, kind), { recursive: true });
          const context = await browser.newContext({ locale: language, colorScheme: scheme, viewport });
          const page = await context.newPage();
          const taken: (readonly [string, Buffer])[] = [];
          for (const name of names) {
            await page.goto(`${server.url}/${name}`);
            taken.push([name, await page.screenshot({ path: join(to, kind, `${name}.png`), fullPage: true })]);
          }
          await context.close();
          await takeSheets(browser, join(to, `sheet-${kind}`), taken, viewport.width);
        }
      }
    }
  } finally {
    await browser.close();
    await server.close();
  }
  process.stdout.write(`${names.length * 8} pictures and their sheets are in ${to}\n`);
}

/** A dozen pictures on each sheet. */
async function takeSheets(browser: Browser, path: string, taken: readonly (readonly [string, Buffer])[], width: number): Promise<void> {
  const page = await browser.newPage({ viewport: { width: width * 4 + 80, height: 600 } });
  for (let at = 0; at * 12 < taken.length; at += 1) {
    const figures = taken
      .slice(at * 12, at * 12 + 12)
      .map(
        ([name, png]) =>
          `<figure><figcaption>${name}</figcaption><img width="${width}" src="data:image/png;base64,${png.toString('base64')}"></figure>`,
      );
    await page.setContent(
      `<style>body{margin:8px;display:flex;flex-wrap:wrap;gap:8px;align-items:start;background:#888;font:20px sans-serif}figure{margin:0}</style>${figures.join('')}`,
    );
    await writeFile(`${path}-${at + 1}.png`, await page.screenshot({ fullPage: true }));
  }
  await page.close();
}
