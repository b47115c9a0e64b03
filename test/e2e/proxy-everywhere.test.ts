/** Whatever a proxy is asked for, seen from the other side: in a network where somebody at each address writes down who came. */

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

type Found = Readonly<{ found: readonly (readonly string[])[]; asked: number }>;

/** Where the names of the corpus lead that lead anywhere. */
const publicAddress = '93.184.215.14';

const without =
  process.getuid?.() !== 0
    ? 'not run: no root, for a network namespace'
    : spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' }).status === 0
      ? false
      : 'not run: no network namespaces here';

it(
  'SSRF and DNS rebinding: of both corpora no forbidden address is reached, by CONNECT, GET and SOCKS, under any list',
  { skip: without },
  async () => {
    const there = fileURLToPath(new URL('everywhere.ts', import.meta.url));
    const { stdout } = await promisify(execFile)('unshare', ['--net', process.execPath, there], { timeout: 60_000 });
    const { found, asked } = JSON.parse(stdout) as Found;
    const corpus = JSON.parse(readFileSync(new URL('../vectors/ssrf-hosts.json', import.meta.url), 'utf8')) as readonly {
      host: string;
      expect: string;
    }[];
    const right = corpus.filter(({ expect }) => expect === 'allow').map(({ host }) => host.replace(/^\[|\]$/g, ''));
    assert.ok(right.length > 10 && asked > 300);
    assert.equal(found.length, 2);
    for (const each of found) {
      const addresses = new Set(each.map((line) => line.split(' ')[0] ?? ''));
      // All that may be reached is reached: whoever looks there sees it.
      assert.deepEqual([...addresses].toSorted(), [publicAddress, ...right].toSorted());
    }
  },
);
