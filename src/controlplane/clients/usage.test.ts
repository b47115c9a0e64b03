/** Accounting: bounded, joined over processes, and whole also where the store was away. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { partnerEvent as event } from '../../../test/doubles/audit-event.ts';
import { testTools } from '../../../test/doubles/tools.ts';
import type { Records } from '../../contracts/store.ts';
import { SallyportError } from '../../core/errors.ts';
import { openClientDesk } from './desk.ts';
import { openClients } from './table.ts';
import { connectBucket, connectPercentile } from './usage-record.ts';
import { usageOf } from './usage.ts';

async function begun() {
  const tools = await testTools([]);
  const table = await openClients({ records: tools.store.records, now: tools.now, limits: tools.limits });
  await table.add({ name: 'partner', members: ['key:partner'] });
  const read = () => usageOf(tools.store.records, 'partner', '2020-01-01', '2040-01-01');
  return { tools, table, read };
}

describe('what clients use', () => {
  it('is counted by day and destination, over two processes, and by nobody else’s name', async () => {
    const { tools, read } = await begun();
    const [one, other] = [await openClientDesk(tools), await openClientDesk(tools)];
    one.account(event);
    one.account({ ...event, verdict: 'refuse', code: 'destination-denied', host: '10.0.0.1:443', bytesIn: 0, bytesOut: 0 });
    other.account({ ...event, verdict: 'fail', code: 'upstream-timed-out' });
    other.account({ ...event, verdict: 'fail', code: 'program-failed' });
    other.account({ ...event, who: 'key:somebody' });
    other.account({ ...event, who: null });
    one.connected('partner', 'www.example.org:443', 120);
    await Promise.all([one.flush(), other.flush()]);
    const [found, ...none] = await read();
    assert.equal(none.length, 0);
    const [day, usage] = found ?? assert.fail();
    assert.equal(day, '2027-01-15');
    const { requests, bytesIn, bytesOut, refusals, errors, ours, connects, connectMs } = usage.total;
    assert.deepEqual([requests, bytesIn, bytesOut, refusals, errors, ours, connects, connectMs], [4, 30, 300, 1, 2, 1, 1, 120]);
    assert.deepEqual(Object.keys(usage.destinations).toSorted(), ['10.0.0.1:443', 'www.example.org:443']);
    assert.deepEqual(usage.refused, [{ at: Date.parse(event.time), destination: '10.0.0.1:443', code: 'destination-denied' }]);
    await Promise.all([one.close(), other.close()]);
  });

  it('is bounded whatever a client asks for, and nothing is lost of the sums', async () => {
    const { tools, read } = await begun();
    const desk = await openClientDesk(tools);
    for (let at = 0; at < 3_000; at += 1) {
      desk.account({ ...event, verdict: 'refuse', code: 'destination-denied', host: `${'x'.repeat(240)}${at}.example:443`, bytesOut: at });
      if (at % 1_000 === 0) await desk.flush();
    }
    await desk.close();
    const [, usage] = (await read())[0] ?? assert.fail();
    assert.equal(Object.keys(usage.destinations).length, 100);
    assert.equal(usage.refused.length, 20);
    const rows = [...Object.values(usage.destinations), usage.others];
    assert.equal(
      rows.reduce((sum, { requests }) => sum + requests, 0),
      3_000,
    );
    assert.equal(usage.total.bytesOut, (3_000 * 2_999) / 2);
    assert.ok(JSON.stringify(usage).length < 65_536);
  });

  it('clock set back: bytes of a quota stay used; and a store that is away loses nothing', async () => {
    const { tools, read } = await begun();
    let isAway = false;
    const away = (): never => {
      throw new SallyportError('store-unavailable', 'away');
    };
    const { records } = tools.store;
    const flaky: Records = {
      get: async (key) => (isAway ? away() : records.get(key)),
      list: (prefix) => records.list(prefix),
      put: (...all) => records.put(...all),
      delete: (...all) => records.delete(...all),
      watch: (...all) => records.watch(...all),
    };
    const desk = await openClientDesk({ ...tools, store: { ...tools.store, records: flaky } });
    desk.spend('partner', 1_000);
    isAway = true;
    desk.account(event);
    await desk.flush();
    assert.equal(desk.used('partner').dayBytes, 1_000);
    isAway = false;
    tools.clock.now -= 3 * 86_400_000;
    desk.spend('partner', 1);
    assert.equal(desk.used('partner').dayBytes, 1_001);
    await desk.flush();
    assert.equal(desk.used('partner').dayBytes, 1_001);
    assert.equal((await read()).length, 1);
    tools.clock.now += 86_400_000;
    assert.deepEqual([desk.used('partner').dayBytes, desk.used('partner').monthBytes], [0, 1_001]);
    await desk.close();
    // Another process, and the next month.
    const next = await openClientDesk(tools);
    assert.equal(next.used('partner').monthBytes, 1_001);
    tools.clock.now += 40 * 86_400_000;
    assert.equal(next.used('partner').monthBytes, 0);
    await next.close();
  });

  it('tells how long connections took to within a half', () => {
    const connects: number[] = Array.from({ length: 32 }, () => 0);
    for (let ms = 1; ms <= 100; ms += 1) connects[connectBucket(ms)] = (connects[connectBucket(ms)] ?? 0) + 1;
    const p95 = connectPercentile(connects, 95) ?? 0;
    assert.ok(p95 >= 95 && p95 < 95 * 1.5, String(p95));
    assert.equal(connectPercentile([], 95), null);
    assert.equal(connectBucket(1e12), 31);
  });
});
