/** Links over real sockets: made by the command, opened by a thousand at once, at two gateways of one store. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { text } from './lines.ts';
import { startService } from './service.ts';
import { isReady, ownFolder, startWritten } from './written-gateway.ts';

type Answer = Readonly<{ status: number; cookie: string | null }>;

test('race on a one-time link: 1,000 parallel uses, over TLS, at two gateways that share a store: exactly one success', async (context) => {
  const service = await startService(context);
  const folder = await ownFolder(context);
  const yaml = `
listen: https://127.0.0.1:0
services:
  blog:
    at: blog.localhost
    to: ${service.port}
    access: [{ link: {} }]
`;
  const gateways = [await startWritten(context, { folder, text: yaml }), await startWritten(context, { folder, text: yaml })];
  const [first] = gateways;
  assert.ok(first);
  const ca = await readFile(first.ca);
  const urls = await Promise.all(gateways.map(async ({ event }) => new URL((await event(isReady)).url)));

  const command = async (...words: readonly string[]): Promise<readonly Record<string, unknown>[]> => {
    const terminal = scriptedTerminal({ home: join(folder, 'home') });
    assert.equal(await runCommand([...words, '--json'], terminal), 0, terminal.written());
    return terminal.events();
  };
  const [made] = await command('links', 'add', 'blog', '--once', '--for', '2h', '--path', '/photos');
  assert.ok(made);
  assert.deepEqual([made['uses'], made['path'], made['change']], [{ max: 1, left: 1 }, '/photos', 'added']);
  const secret =
    text({ event: 'link', ...made }, 'url')
      .split('/')
      .at(-1) ?? '';

  const agent = new Agent({ keepAlive: true, maxSockets: 20, ca });
  context.after(() => agent.destroy());
  const ask = (url: URL, method: string, path: string, cookie = ''): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const fields = {
        Host: url.host,
        ...(method === 'POST' ? { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': 0 } : {}),
        ...(cookie === '' ? {} : { Cookie: cookie }),
      };
      const call = request(
        { agent, host: '127.0.0.1', port: url.port, servername: url.hostname, method, path, headers: fields },
        (response) => {
          response
            .resume()
            .once('end', () =>
              resolve({ status: response.statusCode ?? 0, cookie: response.headers['set-cookie']?.[0]?.split(';')[0] ?? null }),
            );
        },
      );
      call.once('error', reject);
      call.end();
    });

  const path = `/.sallyport/link/${secret}`;
  // The command wrote to the store: each gateway sees it within 300 ms.
  for (const url of urls) while ((await ask(url, 'GET', path)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
  const answers = await Promise.all(Array.from({ length: 1_000 }, (_, at) => ask(urls[at % 2] as URL, 'POST', path)));
  const won = answers.filter(({ status }) => status === 303);
  assert.equal(won.length, 1);
  assert.equal(answers.filter(({ status }) => status === 403).length, 999);

  const cookie = won[0]?.cookie ?? '';
  const inside = await Promise.all(urls.map((url) => ask(url, 'GET', '/photos/1', cookie)));
  assert.ok(inside.some(({ status }) => status === 200));
  assert.equal((await ask(urls[0] as URL, 'GET', '/', cookie)).status, 401);

  const [listed] = await command('links', 'list');
  assert.deepEqual([listed?.['uses'], listed?.['url']], [{ max: 1, left: 0 }, null]);
  // The secret is in no record, and reached no service.
  const record = gateways.flatMap(({ events }) => events.filter(({ event }) => event === 'exchange'));
  assert.ok(record.length >= 1_000);
  assert.ok(!JSON.stringify([record, service.seen]).includes(secret));
});
