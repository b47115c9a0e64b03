import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Calendar } from './calendar.ts';

it('days and months begin where the zone says, with daylight saving', () => {
  const vienna = new Calendar('Europe/Vienna');
  // 2026-03-29 has 23 hours there.
  const found = vienna.at(Date.parse('2026-03-28T23:30:00Z'));
  assert.deepEqual([found.day, found.month], ['2026-03-29', '2026-03']);
  assert.equal(new Date(found.dayEnds).toISOString(), '2026-03-29T22:00:00.000Z');
  assert.equal(new Date(found.monthEnds).toISOString(), '2026-03-31T22:00:00.000Z');
  assert.equal(vienna.at(found.dayEnds).day, '2026-03-30');
  assert.equal(vienna.at(found.dayEnds - 1).day, '2026-03-29');
  const utc = new Calendar('UTC').at(Date.parse('2028-02-29T12:00:00Z'));
  assert.deepEqual([utc.day, new Date(utc.monthEnds).toISOString()], ['2028-02-29', '2028-03-01T00:00:00.000Z']);
});

it('UTC has the same days as the zone that stays with it', () => {
  for (const text of ['1970-01-01T00:00:00.000Z', '2026-12-31T23:59:59.999Z', '2027-01-01T00:00:00.000Z', '2100-02-28T12:30:00Z']) {
    const at = Date.parse(text);
    assert.deepEqual(new Calendar('UTC').at(at), new Calendar('Etc/UTC').at(at), text);
  }
});
