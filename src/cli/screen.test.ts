/** The status screen: what it says, how it fits, and that visitors cannot write on it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditEvent } from '../core/audit/event.ts';
import { openScreen } from './live-screen.ts';
import { columnsOf, jsonLine } from './printable.ts';
import { next, showProgress } from './progress.ts';
import { reporterFor } from './reporter.ts';
import { screenLines, wrapped } from './screen.ts';
import type { ScreenState } from './screen.ts';
import { scriptedTerminal } from './scripted-terminal.ts';

const starting: ScreenState = {
  services: [{ name: 'demo', behind: 'http://localhost:3000', state: 'starting', ready: null, why: null }],
  warnings: [],
  exchanges: [],
};

const ready = {
  event: 'ready',
  service: 'demo',
  url: 'https://demo.localhost:8443',
  reach: 'machine',
  ca: '/home/ana/ca.pem',
  fingerprint: 'f'.repeat(64),
  access: [{ kind: 'link', url: 'https://demo.localhost:8443/.sallyport/link/s3cret', expires: null }],
  expires: new Date(Date.now() + 7_200_000).toISOString(),
  hint: 'for others: --lan, or join a relay (sallyport join CODE)',
} as const;

function record(changes: Partial<AuditEvent> = {}): AuditEvent {
  return {
    time: '2026-11-21T10:00:00.000Z',
    id: 'x',
    service: 'demo',
    listener: 'relay:here',
    visitor: '192.0.2.7',
    viaRelay: true,
    who: null,
    method: 'GET',
    host: 'demo.localhost',
    path: '/',
    verdict: 'pass',
    code: null,
    why: null,
    status: 200,
    bytesIn: 0,
    bytesOut: 1,
    durationMs: 3,
    ...changes,
  };
}

function shownAt(state: ScreenState, columns: number, rows: number): readonly string[] {
  return screenLines(state, scriptedTerminal({ columns, rows }));
}

test('says no address before it was reached', () => {
  const text = shownAt(starting, 80, 40).join('\n');
  assert.match(text, /demo {2}not reached yet/);
  assert.doesNotMatch(text, /https:/);
});

test('says the link, who may come in, how far it reaches, the time that is left, and how curl is told', () => {
  const text = shownAt(next(starting, ready), 120, 40).join('\n');
  for (const part of [
    'https://demo.localhost:8443/.sallyport/link/s3cret',
    'whoever opens the link above',
    'this machine only; for others: --lan, or join a relay',
    'Closes in',
    'curl --cacert /home/ana/ca.pem',
    'No visitor yet',
  ]) {
    assert.equal(text.includes(part), true, part);
  }
});

test('draws a QR code only where a phone could reach the address', () => {
  assert.doesNotMatch(shownAt(next(starting, ready), 120, 80).join('\n'), /█/);
  assert.match(shownAt(next(starting, { ...ready, reach: 'network' }), 120, 80).join('\n'), /█/);
});

for (const [columns, rows] of [
  [20, 10],
  [40, 12],
  [80, 24],
  [200, 60],
] as const) {
  test(`fits into ${columns} by ${rows} without losing a part of the address`, () => {
    const state = next(next(starting, { ...ready, reach: 'network' }), {
      event: 'exchange',
      record: record({ path: `/${'very-long/'.repeat(30)}` }),
    });
    const lines = shownAt(state, columns, rows);
    assert.equal(lines.length < rows, true, `${lines.length} lines`);
    for (const line of lines) assert.equal(columnsOf(line) < columns, true, line);
    if (rows > 20) assert.equal(lines.join('').replaceAll(' ', '').includes('https://demo.localhost:8443/.sallyport/link/s3cret'), true);
  });
}

test('log injection: escape sequences and turned writing of a visitor never reach the terminal', () => {
  const evil = '/\u001b[2J\u009b31m\u202etxt.exe\r\n\u0000';
  const state = next(next(starting, ready), { event: 'exchange', record: record({ path: evil, who: 'user:\u001b]0;x\u0007' }) });
  const text = shownAt(state, 200, 40).join('');
  assert.doesNotMatch(text, /[\p{Cc}\p{Cf}]/u);
  assert.match(text, /\\u\{1b\}\[2J/);
});

test('log injection: with --json one event is one line of ASCII controls escaped, and still the same value', () => {
  const value = { path: '/\u001b[2J\u009b\u202e\r\n\u2028"' };
  const line = jsonLine(value);
  assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}]/u);
  assert.deepEqual(JSON.parse(line), value);
});

test('keeps the last eight requests and the last three warnings', () => {
  let state = starting;
  for (let count = 0; count < 20; count += 1) {
    state = next(state, { event: 'exchange', record: record({ path: `/${count}` }) });
    state = next(state, { event: 'warning', code: 'x', message: `warning ${count}`, hint: null });
  }
  assert.deepEqual(
    [state.exchanges.length, state.exchanges[0]?.path, state.warnings.length, state.warnings[0]?.message],
    [8, '/12', 3, 'warning 17'],
  );
});

test('a service that is lost, closed, opened or removed is said so', () => {
  const open = next(starting, ready);
  assert.match(
    shownAt(next(open, { event: 'lost', service: 'demo', code: 'relay-unreachable', why: 'the relay is away' }), 100, 40).join('\n'),
    /not reached any more: the relay is away/,
  );
  assert.match(shownAt(next(open, { event: 'closed', service: 'demo', why: 'switched' }), 100, 40).join('\n'), /demo {2}closed/);
  assert.equal(next(open, { event: 'closed', service: 'demo', why: 'removed' }).services.length, 0);
  assert.equal(next(open, { event: 'waiting', service: 'other', code: 'x', why: 'y', hint: null }).services.length, 2);
});

test('breaks long lines between words, and longer words where they must', () => {
  assert.deepEqual(wrapped('one two three', 10), ['one two', 'three']);
  assert.deepEqual(wrapped('https://example.org/abcdef', 10), ['https://ex', 'ample.org/', 'abcdef']);
  assert.deepEqual(wrapped('写真写真写真写真', 10), ['写真写真写', '真写真']);
});

test('a text that is too long goes on below itself, and the line for curl stays one that runs', () => {
  const lines = shownAt(next(starting, ready), 60, 40);
  assert.equal(lines.includes('  Reach        this machine only; for others: --lan, or'), true);
  assert.equal(lines.includes('               join a relay (sallyport join CODE)'), true);
  const long = shownAt(next(starting, { ...ready, ca: `/home/${'ana'.repeat(12)}/ca.pem` }), 80, 40);
  const at = long.findIndex((line) => line.includes('curl'));
  assert.deepEqual(long.slice(at, at + 2), [`  curl --cacert /home/${'ana'.repeat(12)}/ca.pem \\`, '    https://demo.localhost:8443']);
});

test('the last frame, which stays in the terminal, says that the share is closed', () => {
  const terminal = scriptedTerminal({ screen: true, columns: 100, rows: 40 });
  const progress = showProgress({
    terminal,
    reporter: reporterFor(terminal, false),
    services: [{ name: 'demo', behind: 'http://localhost:3000' }],
    access: () => [],
    forOthers: ready.hint,
  });
  progress.take(ready);
  progress.close();
  assert.match(terminal.written().split('\u001b[?2026h').at(-1) ?? '', /demo {2}closed/);
});

test('says how others reach it in the words of whoever runs: flags, or keys of a configuration', () => {
  for (const json of [false, true]) {
    const terminal = scriptedTerminal({ columns: 100, rows: 40 });
    const progress = showProgress({
      terminal,
      reporter: reporterFor(terminal, json),
      services: [],
      access: () => [],
      forOthers: 'for others: listen: x',
    });
    progress.take(ready);
    progress.take({ ...ready, reach: 'network' });
    assert.match(terminal.written(), json ? /"hint":"for others: listen: x"[^]*"hint":null/ : /this machine only; for others: listen: x/);
    assert.doesNotMatch(terminal.written(), /--lan/);
  }
});

test('hides the cursor while it draws, and gives it back once', () => {
  const terminal = scriptedTerminal({ screen: true, columns: 100, rows: 40 });
  const screen = openScreen(terminal);
  screen.show(next(starting, ready));
  assert.equal(terminal.written().includes('\u001b[?25l'), true);
  screen.close();
  screen.close();
  assert.equal(terminal.written().split('\u001b[?25h').length, 2);
  assert.equal(terminal.written().endsWith('\u001b[?25h'), true);
});

test('draws at once, then at most four times a second', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: Date.now() });
  const terminal = scriptedTerminal({ screen: true, columns: 100, rows: 40 });
  const screen = openScreen(terminal);
  let state = next(starting, ready);
  for (let count = 0; count < 100; count += 1) {
    state = next(state, { event: 'exchange', record: record({ path: `/${count}` }) });
    screen.show(state);
    context.mock.timers.tick(10);
  }
  screen.close();
  const frames = terminal.written().split('\u001b[?2026h').length - 1;
  assert.equal(frames >= 4 && frames <= 6, true, `${frames} frames in a second`);
});
