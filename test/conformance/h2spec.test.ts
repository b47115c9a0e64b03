/** What h2spec finds of HTTP/2 towards visitors: each case that is answered otherwise is named, with its section, and no other may be. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openHttp2Door } from '../doubles/http2-door.ts';

/** As docs/http2.md explains them: section and case of h2spec 2.6. */
const known: ReadonlySet<string> = new Set([
  ...['http2/5.1/5', 'http2/5.1/6', 'http2/5.1/8', 'http2/5.1/9', 'http2/5.1/11', 'http2/5.1/12', 'http2/5.1.1/2'],
  ...['http2/5.3.1/2', 'http2/6.1/2', 'http2/6.3/1', 'http2/6.7/2', 'http2/6.9.1/3'],
]);

type Case = Readonly<{ package: string; classname: string; failed: boolean }>;

/** Null where there is no h2spec. */
async function h2spec(port: number): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), 'h2spec-'));
  const file = join(folder, 'report.xml');
  const there = await new Promise<boolean>((resolve) => {
    const words = ['-h', '127.0.0.1', '-p', String(port), '-o', '1', '--junit-report', file];
    execFile('h2spec', words, { timeout: 60_000 }, (error) => resolve(error?.code !== 'ENOENT'));
  });
  const report = there ? await readFile(file, 'utf8') : null;
  await rm(folder, { recursive: true });
  return report;
}

/** The cases of a report, in the order of each section. */
function casesOf(report: string): readonly Case[] {
  const found: Case[] = [];
  for (const [, attributes = '', rest = ''] of report.matchAll(/<testcase ([^>]*[^/])(?:\/>|>([^]*?)<\/testcase>)/g)) {
    const of = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(attributes)?.[1] ?? '';
    found.push({ package: of('package'), classname: of('classname'), failed: /<(?:failure|error)/.test(rest) });
  }
  return found;
}

test('h2spec finds nothing that is not known and explained', async (context) => {
  const door = await openHttp2Door(
    context,
    (service, said) => {
      if (said.endsWith('\r\n\r\n') || said.endsWith('0\r\n\r\n')) service.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    },
    { limits: { http2ResetsPerSecondMax: 1_000 } },
  );
  const report = await h2spec(door.port);
  if (report === null) return context.skip('not run: no h2spec on this machine');
  const numbers = new Map<string, number>();
  const failed: string[] = [];
  const cases = casesOf(report);
  for (const each of cases) {
    const number = (numbers.get(each.package) ?? 0) + 1;
    numbers.set(each.package, number);
    if (each.failed) failed.push(`${each.package}/${number}`);
  }
  context.diagnostic(`${cases.length - failed.length} of ${cases.length} passed`);
  assert.ok(cases.length > 140, `${cases.length} cases were run`);
  return assert.deepEqual(
    failed.filter((name) => !known.has(name)),
    [],
  );
});
