/** Our own pages as a configuration wants them, from its text to the bytes that a visitor gets over TLS. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask } from './ask.ts';
import { freePort } from './free-port.ts';
import { isReady, ownFolder, startWritten } from './written-gateway.ts';

const svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><path d="M0 0h4v4H0z"/></svg>';
const opens = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

test('language, texts and theme reach strangers alike at every name, and change with the file', async (context) => {
  const folder = await ownFolder(context);
  const port = await freePort();
  await writeFile(join(folder, 'logo.svg'), svg);
  await writeFile(join(folder, 'texts.yaml'), 'de: { face.title: Bitte klingeln }\n');
  const text = `network: shared
local: guarded
listen: https://127.0.0.1:${port}
services:
  blog: { to: 9, at: blog.localhost, access: [{ link: {} }] }
  shop: { to: 9, at: shop.localhost, access: [{ ip: [192.0.2.1] }], expires: 2020-01-01T00:00:00Z }
`;
  const themed = `${text}language: de\ntexts: texts.yaml\ntheme: { name: Ana, logo: logo.svg, accent: "#0a6b4b" }\n`;
  const gateway = await startWritten(context, { folder, text: themed });
  await gateway.event(isReady);
  const get = (name: string, path: string, headers: Readonly<Record<string, string>> = {}) =>
    ask(`https://${name}.localhost:${port}${path}`, { ca: gateway.ca, headers: { ...opens, ...headers } });

  const stranger = await get('blog', '/');
  assert.equal(stranger.status, 401);
  assert.match(stranger.body, /<html lang="de">[^]*<title>Bitte klingeln · Ana<\/title>[^]*--deed:#0a6b4b/);
  assert.equal(stranger.headers['content-language'], 'de');
  const english = await get('blog', '/', { 'accept-language': 'en' });
  assert.match(english.body, /<h1>This address is private<\/h1>/);
  // One face for strangers: a service that is over, and one that is there.
  for (const language of ['de', 'en', 'fr'])
    assert.equal(
      (await get('shop', '/a', { 'accept-language': language })).body,
      (await get('blog', '/b', { 'accept-language': language })).body,
    );

  const [path = ''] = /\/\.sallyport\/logo\?[0-9a-f]+/.exec(stranger.body) ?? [];
  for (const name of ['blog', 'shop']) {
    const logo = await get(name, path);
    assert.deepEqual([logo.status, logo.headers['content-type'], logo.body], [200, 'image/svg+xml', svg], name);
    assert.match(String(logo.headers['content-security-policy']), /sandbox/);
  }

  await gateway.rewrite(text);
  const plain = await get('blog', '/', { 'accept-language': 'de' });
  assert.match(plain.body, /<title>Diese Adresse ist privat<\/title>/);
  assert.equal((await get('blog', path)).status, 401);
});
