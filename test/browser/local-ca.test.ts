/** Chromium and the local CA: what it may sign is trusted once the CA is, and nothing else is, though its own key had signed it. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { BrowserContext } from 'playwright-core';
import { certificateName } from '../../src/controlplane/certificates/permitted-names.ts';
import { makeLeaf } from '../../src/controlplane/certificates/signing.ts';
import { openLocalCa, type LocalCa } from '../../src/controlplane/certificates/local-ca.ts';
import { openHome, type Home } from '../../src/controlplane/home.ts';
import { openBrowser, withoutBrowser } from './browser.ts';

describe('Chromium, where the local CA is trusted', { skip: withoutBrowser, timeout: 60_000 }, () => {
  let place: string;
  let home: Home;
  let ca: LocalCa;
  let context: BrowserContext;

  before(async () => {
    place = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-browser-')));
    home = await openHome({ SALLYPORT_HOME: join(place, 'home') });
    ca = await openLocalCa(home, { names: ['blog.example.org'], now: Date.now });
    context = await openBrowser(place, ca.path);
  });
  after(async () => {
    await context.close();
    await rm(place, { recursive: true, force: true });
  });

  /** What the browser makes of a page that is served with this certificate under this name. */
  const visit = async (leaf: { readonly key: string; readonly cert: string }, name: string): Promise<string> => {
    const server: Server = createServer({ key: leaf.key, cert: leaf.cert }, (_, response) => response.end('hello'));
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    const page = await context.newPage();
    try {
      const response = await page.goto(`https://${name}:${port}/`);
      return (await response?.text()) ?? 'nothing';
    } catch (error) {
      return String(error).match(/net::(ERR_\w+)/)?.[1] ?? String(error);
    } finally {
      await page.close();
      server.closeAllConnections();
      server.close();
    }
  };
  const forged = async (name: string) => {
    const kept = JSON.parse(await readFile(join(home.keys, 'ca', '01.json'), 'utf8')) as { key: string; cert: string };
    return makeLeaf(kept, { names: [certificateName(name)], now: Date.now(), lifeMs: 86_400_000 });
  };

  it('opens what the CA may sign, without a word', async () => {
    for (const name of ['blog.localhost', 'nas.local', 'blog.example.org', '127.0.0.1']) {
      assert.equal(await visit(await ca.leafFor([name]), name), 'hello', name);
    }
  });

  it('refuses a name outside the constraints, signed with the very key of the CA', async () => {
    for (const name of ['example.org', '192.0.2.1']) {
      assert.match(await visit(await forged(name), name), /^ERR_CERT_(?:INVALID|AUTHORITY_INVALID|NAME_CONSTRAINT_VIOLATION)$/, name);
    }
  });

  it('refuses a good certificate under another name', async () => {
    assert.equal(await visit(await ca.leafFor(['blog.localhost']), 'shop.localhost'), 'ERR_CERT_COMMON_NAME_INVALID');
  });
});
