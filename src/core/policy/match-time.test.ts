/** Times of the day and days of the week, on walls in different places. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeOf } from '../../../test/doubles/exchange.ts';
import { isZone, readTimeOfDay, timeMatch, weekdays, type TimeSpan } from './match-time.ts';

const office: TimeSpan = { from: 480, to: 1_080, days: ['mon', 'tue', 'wed', 'thu', 'fri'], zone: 'Europe/Vienna' };
const finds = (span: TimeSpan, at: string): unknown => timeMatch(span).finds(exchangeOf({ at: Date.parse(at) }));

test('office hours are those of the wall in their zone, in winter and in summer', () => {
  for (const [at, expected] of [
    // A Monday in January: Vienna is at +01:00.
    ['2026-01-05T06:59:59Z', false],
    ['2026-01-05T07:00:00Z', true],
    ['2026-01-05T16:59:59.999Z', true],
    ['2026-01-05T17:00:00Z', false],
    ['2026-01-04T12:00:00Z', false],
    // A Monday in July: +02:00.
    ['2026-07-06T06:00:00Z', true],
    ['2026-07-06T16:00:00Z', false],
    // Saturday already there, Friday still in UTC.
    ['2026-07-10T22:30:00Z', false],
  ] as const)
    assert.equal(finds(office, at), expected, at);
});

test('a night belongs to the day on which it began', () => {
  const night: TimeSpan = { from: 1_320, to: 360, days: ['fri'], zone: 'UTC' };
  for (const [at, expected] of [
    ['2026-01-09T21:59:00Z', false],
    ['2026-01-09T22:00:00Z', true],
    ['2026-01-10T05:59:00Z', true],
    ['2026-01-10T06:00:00Z', false],
    ['2026-01-10T22:00:00Z', false],
    ['2026-01-09T05:00:00Z', false],
  ] as const)
    assert.equal(finds(night, at), expected, at);
  const whole: TimeSpan = { from: 0, to: 1_440, days: ['sun'], zone: 'UTC' };
  assert.deepEqual(
    [finds(whole, '2026-01-11T00:00:00Z'), finds(whole, '2026-01-11T23:59:59Z'), finds(whole, '2026-01-12T00:00:00Z')],
    [true, true, false],
  );
});

test('the hour that a clock has twice is inside both times, and the one that it never has is nowhere', () => {
  const span: TimeSpan = { from: 120, to: 180, days: [...weekdays], zone: 'Europe/Vienna' };
  for (const at of ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z']) assert.equal(finds(span, at), true, at);
  for (const at of ['2026-03-29T00:59:00Z', '2026-03-29T01:00:00Z']) assert.equal(finds(span, at), false, at);
});

test('one match is asked at many times, and remembers none of them wrongly', () => {
  const match = timeMatch(office);
  const monday = Date.parse('2026-01-05T00:00:00Z');
  let inside = 0;
  for (const order of [1, -1])
    for (let minute = 0; minute < 1_440; minute += 1)
      inside += match.finds(exchangeOf({ at: monday + (order === 1 ? minute : 1_439 - minute) * 60_000 })) === true ? 1 : 0;
  assert.equal(inside, 2 * 600);
});

test('what is no time and no zone is told apart', () => {
  assert.deepEqual(['00:00', '08:30', '24:00'].map(readTimeOfDay), [0, 510, 1_440]);
  for (const text of ['', '8:00', '08:60', '24:01', '25:00', '08:00:00', ' 08:00']) assert.equal(readTimeOfDay(text), null, text);
  assert.ok(isZone('UTC') && isZone('Europe/Vienna') && isZone('America/Argentina/Buenos_Aires'));
  for (const zone of ['', 'Vienna', 'Europe/Nowhere', '+01:00', '../etc']) assert.ok(!isZone(zone), zone);
});
