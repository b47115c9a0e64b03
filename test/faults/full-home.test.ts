/** The disk of the state directory is full while the program runs: the road goes on, it is said once, and nothing is lost. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask } from '../e2e/ask.ts';
import { linkOf, text } from '../e2e/lines.ts';
import { freshHome, run } from '../e2e/program.ts';
import { startService } from '../e2e/service.ts';

/** A small disk of its own, in a mount namespace of the program: it goes away with it. */
const mount = 'mount -t tmpfs -o size=1m,mode=0700 none "$1" && shift && exec "$@"';
const under = (home: string): readonly string[] => ['unshare', '-rm', 'sh', '-c', mount, 'sh', home];
const possible = spawnSync('unshare', ['-rm', 'sh', '-c', mount, 'sh', '/mnt', 'true'], { stdio: 'ignore' }).status === 0;
const skip = possible && process.platform === 'linux' ? false : 'not run: no mount namespace for a small disk';

test('a full disk stops no visitor, is said once, and is made good when there is room', { skip, timeout: 30_000 }, async (context) => {
  const { port } = await startService(context);
  const home = await freshHome(context);
  const share = run(context, ['http', String(port), '--name', 'demo'], { home, under: under(home) });
  const ready = await share.line('ready');
  // What the program sees there, seen from outside.
  const disk = `/proc/${share.pid}/root${home}`;
  const [url, path] = [text(ready, 'url'), join(disk, 'ca.pem')];
  const visit = async (at: string, headers: Readonly<Record<string, string>> = {}) => (await ask(at, { ca: path, headers })).status;
  const opened = await ask(linkOf(ready), { ca: path });
  assert.equal(opened.status, 303);
  const cookie = { Cookie: opened.headers['set-cookie']?.[0]?.split(';')[0] ?? '' };
  assert.equal(await visit(`${url}/before`, cookie), 200);

  fill(join(disk, 'filler'));
  // Until the log has noticed: it writes what it has gathered some time later.
  const full = share.line('error');
  for (let asked = 0; asked < 200; asked += 1) assert.equal(await visit(`${url}/while/${asked}`, cookie), 200);
  assert.equal((await full)['code'], 'disk-full');
  assert.equal(typeof (await full)['hint'], 'string');
  // A new session cannot be kept, so there is none: closed, and said as our fault and not the visitor's.
  assert.equal(await visit(linkOf(ready)), 503);
  assert.equal(await visit(`${url}/`), 401);
  for (let asked = 0; asked < 50; asked += 1) assert.equal(await visit(`${url}/still/${asked}`, cookie), 200);
  assert.equal(share.lines.filter(({ event }) => event === 'error').length, 1, JSON.stringify(share.lines));

  rmSync(join(disk, 'filler'));
  assert.equal(await visit(linkOf(ready)), 303);
  assert.equal(await visit(`${url}/after`, cookie), 200);
  const log = await written(() => readFileSync(join(disk, 'log', 'exchanges.jsonl'), 'utf8'), '/after');
  // Where the disk ended within a line its half stays, and the whole of it stands again on a line of its own: nothing is lost.
  const lines = log.trimEnd().split('\n');
  const halves = lines.filter((line) => !isJson(line));
  for (const half of halves)
    assert.ok(
      lines.some((line) => isJson(line) && line.startsWith(half)),
      `half a line, never made whole: ${half}`,
    );
  for (let asked = 0; asked < 200; asked += 1) assert.ok(log.includes(`"/while/${asked}"`), `/while/${asked} is not in the log`);
  assert.ok(log.includes('"/before"'));
  assert.equal(await share.stop(), 0);
  assert.equal(share.stderr(), '');
});

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

function fill(path: string): void {
  const chunk = Buffer.alloc(4_096);
  try {
    for (;;) writeFileSync(path, chunk, { flag: 'a' });
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
}

/** The log is written in its own time. */
async function written(read: () => string, wanted: string): Promise<string> {
  for (const end = performance.now() + 5_000; performance.now() < end;) {
    const text = read();
    if (text.includes(wanted) && text.endsWith('\n')) return text;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`${wanted} was never written`);
}
