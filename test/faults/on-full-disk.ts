/** Fills the small disk at a path and tells what home, store, records and keys make of it: `on-full-disk.ts PATH`. */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEvent } from '../../src/core/audit/event.ts';
import { defaults } from '../../src/core/limits.ts';
import { openLocalCa } from '../../src/controlplane/certificates/local-ca.ts';
import { openHome } from '../../src/controlplane/home.ts';
import { readPrivate, replacePrivate } from '../../src/controlplane/private-file.ts';
import { openFileSink } from '../../src/modules/sinks/file.ts';
import { openSqliteStore } from '../../src/modules/stores/sqlite.ts';

const place = process.argv[2] ?? '';
const home = await openHome({ SALLYPORT_HOME: join(place, 'home') });
const store = await openSqliteStore({ path: home.store, now: Date.now });
const troubles: string[] = [];
const log = await openFileSink({
  path: home.exchanges,
  now: () => 0,
  limits: defaults,
  trouble: (error) => troubles.push(error?.code ?? 'well again'),
});
const key = join(home.keys, 'key.pem');
await replacePrivate(key, 'the old key');
await store.records.put('kept', 'as it was');
record('0');
await log.flush();

const filler = join(place, 'filler');
try {
  for (let size = 1; ; size *= 2) writeFileSync(filler, Buffer.alloc(size * 1_024));
} catch {
  // What fitted of the last one has filled the disk.
}
const full = {
  store: await codeOf(store.records.put('large', 'x'.repeat(60_000))),
  key: await codeOf(replacePrivate(key, 'n'.repeat(20_000))),
  ca: await codeOf(openLocalCa(home, { names: [], now: Date.now })),
  secondHome: await codeOf(
    openHome({ SALLYPORT_HOME: join(place, 'second') }).then((second) => openSqliteStore({ path: second.store, now: Date.now })),
  ),
};
const kept = (await store.records.get('kept'))?.value;
for (let index = 1; index <= 300; index += 1) record(`${index}`);
await log.flush();
record('301');
await log.flush();

rmSync(filler);
await store.records.put('large', 'x'.repeat(60_000));
await log.flush();
const ids = readFileSync(home.exchanges, 'utf8')
  .split('\n')
  .flatMap((line) => /"id":"(\d+)".*\}$/.exec(line)?.[1] ?? []);
const again = {
  large: (await store.records.get('large')) !== null,
  key: await readPrivate(key, 100),
  ca: await codeOf(openLocalCa(home, { names: [], now: Date.now })),
};
await log.close();
await store.close();
process.stdout.write(JSON.stringify({ full, kept, troubles, recorded: ids.length, inOrder: ids.every((id, at) => id === `${at}`), again }));

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'done';
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}

function record(id: string): void {
  const event: AuditEvent = {
    ...{
      time: '2026-11-21T10:00:00.000Z',
      id,
      service: null,
      listener: 'x',
      visitor: '192.0.2.1',
      viaRelay: false,
      who: null,
      method: null,
    },
    ...{ host: null, path: null, verdict: 'refuse', code: null, why: null, status: 400, bytesIn: 0, bytesOut: 0, durationMs: 0 },
  };
  log.record(event);
}
