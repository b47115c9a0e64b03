import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createMemoryStore } from '../../modules/stores/memory.ts';
import { startMockAuthority, type MockAuthority } from '../../../test/acme/mock-authority.ts';
import { ForeignWatch, plainSerial, type Foreign } from './foreign.ts';
import { createCaHttps } from './https.ts';
import type { AcmeEvent } from './keeper.ts';
import type { AcmePlan } from './plan.ts';

const closers: (() => unknown)[] = [];
after(async () => {
  for (const close of closers) await close();
});

const entry = (changes: Readonly<Record<string, string>>) => ({
  serial_number: '00AB12',
  issuer_name: 'C=XX, O=Other CA',
  name_value: 'blog.example.org',
  not_after: '2099-01-01T00:00:00',
  ...changes,
});

/** A watch that reads that feed, with what it said. */
async function watching(mock: MockAuthority, feed: unknown, records = createMemoryStore({ now: Date.now }).records) {
  mock.hijack.answer = (asked, response) => {
    if (!asked.path.startsWith('/feed')) return false;
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(feed));
    return true;
  };
  const foreign: Foreign[] = [];
  const events: AcmeEvent[] = [];
  const heard = Promise.withResolvers<void>();
  const plan = { feed: mock.directory.replace('/dir', '/feed?q={name}'), watch: 'alert', known: ['aa'] } as unknown as AcmePlan;
  const https = createCaHttps({ ca: mock.ca, signal: new AbortController().signal });
  const watch = new ForeignWatch({
    plan,
    records,
    https,
    now: Date.now,
    chance: () => 0.5,
    onForeign: async (each) => void foreign.push(each),
    onEvent: (event) => {
      events.push(event);
      heard.resolve();
    },
  });
  closers.push(() => watch.close());
  watch.follow(['blog.example.org']);
  return { foreign, events, heard: heard.promise, records, watch };
}

test('a certificate that somebody else could get is said once, over restarts too, and not when it is ours, known, over or of another name', async () => {
  const mock = await startMockAuthority();
  closers.push(mock.close);
  const records = createMemoryStore({ now: Date.now }).records;
  await records.put('acme-certificates/blog.example.org', {
    name: 'blog.example.org',
    directory: '',
    key: '',
    chain: '',
    serials: ['bb'],
    at: 1,
  });
  const feed = [
    entry({ serial_number: '0aa' }),
    entry({ serial_number: 'BB' }),
    entry({ serial_number: 'cc', not_after: '2020-01-01T00:00:00' }),
    entry({ serial_number: 'dd', name_value: 'shop.example.org\n*.blog.example.org' }),
    entry({ name_value: 'x.example.org\n*.example.org', issuer_name: 'O=Evil\u001B[2J\nsallyport: fine' }),
    entry({}),
  ];
  const first = await watching(mock, feed, records);
  await first.heard;
  assert.equal(mock.asked.at(-1)?.path, '/feed?q=blog.example.org');
  const event = first.events[0];
  assert.ok(event?.event === 'error' && event.code === 'certificate-foreign');
  assert.match(event.message, /number ab12, issued by O=Evil \[2J sallyport: fine\./);
  while (mock.asked.length === 0) await new Promise(setImmediate);
  assert.deepEqual(
    first.foreign.map(({ serial }) => serial),
    ['ab12'],
  );
  await first.watch.seen('blog.example.org', 'ab12', 'O=Evil');
  await first.watch.seen('blog.example.org', 'bb', 'ours');
  assert.equal(first.events.length, 1);
});

test('a feed that is none is said, and nothing is made of it', async () => {
  const mock = await startMockAuthority();
  closers.push(mock.close);
  const { heard, events, foreign } = await watching(mock, { error: 'x' });
  await heard;
  assert.equal(events[0]?.event === 'error' ? events[0].code : '', 'authority-malformed');
  assert.deepEqual(foreign, []);
});

test('a number is one, however it is written', () => {
  assert.deepEqual(['00AB:12', 'ab12', '0'].map(plainSerial), ['ab12', 'ab12', '0']);
});
