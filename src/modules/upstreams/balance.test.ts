import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { exchangeOf, type Asked } from '../../../test/doubles/exchange.ts';
import type { BackendNews, BalanceRules, Member } from '../../contracts/balance.ts';
import type { Opened } from '../../contracts/upstream.ts';
import { SallyportError, type Code } from '../../core/errors.ts';
import { limitsWith } from '../../core/limits.ts';
import { Balancer, type BalancerOptions } from './balance.ts';

type Streamed = Extract<Opened, { is: 'stream' }>;

const usual: BalanceRules = {
  by: 'turns',
  sticky: null,
  path: null,
  everyMs: 3_600_000,
  withinMs: 1_000,
  failsMax: 3,
  slowMs: 0,
  exchangesMax: null,
};

/** Backends that are told what to do: each opens a stream, or fails with a code. */
type World = {
  fails: Map<string, Code>;
  /** What was opened, in its order. */
  opened: string[];
  closed: string[];
  news: BackendNews[];
  now: number;
};

type Kind = Readonly<{ weight?: number; emergency?: boolean; name?: string }>;

function world(): World {
  return { fails: new Map(), opened: [], closed: [], news: [], now: 1_000_000 };
}

function member(of: World, words: string, { weight = 1, emergency = false, name }: Kind = {}): Member {
  return {
    words,
    name: name ?? null,
    weight,
    emergency,
    build: (address) => {
      const called = address ?? words;
      return {
        words: called,
        open: () => {
          of.opened.push(called);
          const code = of.fails.get(called);
          if (code !== undefined) throw new SallyportError(code, `${called} says so`);
          const stream = Object.assign(new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() }), { bytesRead: 0 });
          return { is: 'stream', stream, reused: false, release: () => void stream.destroy() };
        },
        close: async () => void of.closed.push(called),
      };
    },
  };
}

function balancer(of: World, options: Partial<BalancerOptions> = {}): Balancer {
  return new Balancer({ now: () => of.now, limits: limitsWith({}), secret: 'a secret', onNews: (news) => of.news.push(news), ...options });
}

function listOf(of: World, members: readonly Member[], rules: Partial<BalanceRules> = {}, all = balancer(of)) {
  const built = all.build({ service: 'web', place: 'web', members, rules: { ...usual, ...rules } });
  const caller = { signal: new AbortController().signal };
  const open = (asked: Asked = {}): Streamed => {
    const found = built.open(exchangeOf(asked), caller, false);
    if (found instanceof Promise || found.is !== 'stream') throw new TypeError('a stream was expected, at once');
    return found;
  };
  return { open, close: () => built.close(), states: () => all.statesOf('web') };
}

function codeOf(work: () => unknown): string | null {
  try {
    work();
    return null;
  } catch (error) {
    return error instanceof SallyportError ? error.code : String(error);
  }
}

async function again(found: Streamed, code: Code): Promise<Opened> {
  if (found.again === undefined) throw new TypeError('nothing more to try');
  return found.again(code);
}

test('a connection that is refused goes on to another, whatever the method, and the backend is away at once', async () => {
  const of = world();
  of.fails.set('one', 'upstream-refused');
  const list = listOf(of, [member(of, 'one'), member(of, 'two')]);
  for (let turn = 0; turn < 4; turn += 1) list.open({ method: 'POST' }).release(true, null);
  assert.deepEqual(of.opened, ['one', 'two', 'two', 'two', 'two']);
  assert.deepEqual(of.news, [{ service: 'web', backend: 'one', state: 'down', code: 'upstream-refused', why: 'one says so' }]);
  await list.close();
});

test('the emergency backend serves while all others are away, and where nobody is there all are tried', async () => {
  const of = world();
  const list = listOf(of, [member(of, 'one'), member(of, 'two'), member(of, 'spare', { emergency: true })]);
  for (let turn = 0; turn < 4; turn += 1) list.open().release(true, null);
  assert.equal(of.opened.includes('spare'), false);
  for (const each of ['one', 'two']) of.fails.set(each, 'upstream-refused');
  of.opened = [];
  list.open().release(true, null);
  assert.equal(of.opened.at(-1), 'spare');
  of.opened = [];
  list.open().release(true, null);
  assert.deepEqual(of.opened, ['spare'], 'who is known to be away is not asked');
  of.fails.set('spare', 'upstream-refused');
  assert.equal(
    codeOf(() => list.open()),
    'upstream-refused',
  );
  of.fails.delete('one');
  of.opened = [];
  list.open().release(true, null);
  assert.equal(of.opened.at(-1), 'one', 'a check may lie');
  await list.close();
});

test('poisoned request: it reaches few backends, and a backend that fails now and then stays', async () => {
  const of = world();
  const names = ['one', 'two', 'three', 'four', 'five'];
  const list = listOf(
    of,
    names.map((name) => member(of, name)),
  );
  let found = list.open();
  found.release(false, 'upstream-broken');
  for (let repeat = 0; repeat < 3; repeat += 1) {
    const next = await again(found, 'upstream-broken');
    if (next.is !== 'stream') throw new TypeError('a stream was expected');
    found = next;
    found.release(false, 'upstream-broken');
  }
  assert.equal(new Set(of.opened).size, 4, 'each time another');
  assert.equal(
    codeOf(() => found.again?.('upstream-broken')),
    'upstream-broken',
    'upstreamDialsMax is the end of it',
  );
  assert.deepEqual(of.news, [], 'one failure takes nobody away');
  await list.close();
});

test('retry of what may have begun: no POST, no upgrade and nothing without another backend is offered to be opened again', async () => {
  const of = world();
  const list = listOf(of, [member(of, 'one'), member(of, 'two')]);
  assert.equal(list.open({ method: 'POST' }).again, undefined);
  assert.equal(list.open({ upgrade: 'websocket' }).again, undefined);
  assert.notEqual(list.open({ method: 'DELETE' }).again, undefined);
  const alone = listOf(of, [member(of, 'one')]);
  assert.equal(alone.open().again, undefined);
  await Promise.all([list.close(), alone.close()]);
});

test('whoever waits unanswered is led elsewhere when a backend goes, and who has heard something stays', async () => {
  const of = world();
  const list = listOf(of, [member(of, 'one'), member(of, 'two')]);
  const waiting = list.open();
  const posted = [list.open({ method: 'POST' }), list.open({ method: 'POST' })];
  const [first] = of.opened;
  const hearing = of.opened.flatMap(() => {
    const found = list.open();
    return of.opened.at(-1) === first ? [found] : [];
  });
  for (const { stream } of hearing) Object.assign(stream, { bytesRead: 1 });
  assert.ok(hearing.length > 0);
  // Three failures in a row of the same one.
  for (let failure = 0; failure < 3;) {
    const found = list.open();
    const failing = of.opened.at(-1) === first;
    found.release(!failing, failing ? 'upstream-timed-out' : null);
    if (failing) failure += 1;
  }
  assert.equal(of.news.length, 1);
  assert.equal(waiting.stream.destroyed, true);
  assert.ok(hearing.every(({ stream }) => !stream.destroyed));
  assert.deepEqual(
    posted.map(({ stream }) => stream.destroyed),
    [false, false],
  );
  const next = await again(waiting, 'upstream-broken');
  assert.equal(next.is, 'stream');
  assert.notEqual(of.opened.at(-1), first);
  await list.close();
});

test('sticky by cookie: back to the same backend, and the cookie says nothing of where that is', async () => {
  const of = world();
  const list = listOf(of, [member(of, 'http://10.0.0.1:80'), member(of, 'http://10.0.0.2:80')], { sticky: { by: 'cookie' } });
  const { own } = list.open();
  assert.match(own?.value ?? '', /^__Host-sallyport-way-[\w-]{8}=[\w-]{22}; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
  const [pair = ''] = (own?.value ?? '').split(';');
  const [chosen] = of.opened;
  for (let turn = 0; turn < 5; turn += 1) {
    const found = list.open({ fields: [['Cookie', `theme=dark; ${pair}`]] });
    assert.equal(of.opened.at(-1), chosen);
    assert.equal(found.own, undefined, 'who has it gets it no more');
  }
  of.fails.set(chosen ?? '', 'upstream-refused');
  const moved = list.open({ fields: [['Cookie', pair]] });
  assert.notEqual(of.opened.at(-1), chosen);
  assert.notEqual(moved.own?.value, own?.value);
  await list.close();
});

test('sticky cookie forged: what we did not make, a token of another service and two of the name are none', async () => {
  const of = world();
  const all = balancer(of);
  const list = listOf(of, [member(of, 'one'), member(of, 'two')], { sticky: { by: 'cookie' } }, all);
  const other = all.build({
    service: 'other',
    place: 'other',
    members: [member(of, 'one')],
    rules: { ...usual, sticky: { by: 'cookie' } },
  });
  const foreign = await other.open(exchangeOf(), { signal: new AbortController().signal }, false);
  const value = foreign.is === 'stream' ? (foreign.own?.value ?? '') : '';
  const [name = ''] = (list.open().own?.value ?? '').split('=');
  const [, token = ''] = /=([^;]+);/.exec(value) ?? [];
  const [, good = ''] = /=([^;]+);/.exec(list.open().own?.value ?? '') ?? [];
  for (const cookie of [
    `${name}=one`,
    `${name}=${token}`,
    `${name}=`,
    `${name}=${good}; ${name}=${good}`,
    `${name.replace('__Host-', '')}=${good}`,
  ])
    assert.notEqual(list.open({ fields: [['Cookie', cookie]] }).own, undefined, cookie);
  assert.equal(list.open({ fields: [['Cookie', `${name}=${good}`]] }).own, undefined);
  await Promise.all([list.close(), other.close()]);
});

test('a backend without weight takes nobody new, and whoever has its cookie stays', async () => {
  const of = world();
  const all = balancer(of);
  const before = listOf(of, [member(of, 'one'), member(of, 'two')], { sticky: { by: 'cookie' } }, all);
  const [pair = ''] = (before.open().own?.value ?? '').split(';');
  assert.equal(of.opened[0], 'one');
  const after = listOf(of, [member(of, 'one', { weight: 0 }), member(of, 'two')], { sticky: { by: 'cookie' } }, all);
  await before.close();
  of.opened = [];
  for (let turn = 0; turn < 4; turn += 1) after.open();
  assert.deepEqual(of.opened, ['two', 'two', 'two', 'two']);
  after.open({ fields: [['Cookie', pair]] });
  assert.equal(of.opened.at(-1), 'one');
  await after.close();
});

test('sticky by address and by a field: the same key, the same backend; without the field they take turns', async () => {
  const of = world();
  const members = ['one', 'two', 'three', 'four'].map((name) => member(of, name));
  const byAddress = listOf(of, members, { sticky: { by: 'address' } });
  const reached = (open: typeof byAddress.open, asked: Asked): string | undefined => {
    open(asked).release(true, null);
    return of.opened.at(-1);
  };
  const seen = new Set<string | undefined>();
  for (let host = 1; host < 40; host += 1) {
    const first = reached(byAddress.open, { from: `192.0.2.${host}` });
    assert.equal(reached(byAddress.open, { from: `192.0.2.${host}` }), first);
    seen.add(first);
  }
  assert.equal(seen.size, 4);
  assert.equal(
    reached(byAddress.open, { from: '2001:db8::1' }),
    reached(byAddress.open, { from: '2001:db8::ffff:1' }),
    'a /64 is one visitor',
  );
  const byField = listOf(of, members, { sticky: { by: 'header', name: 'x-session' } });
  const fields = [['X-Session', 'k3f9']] as const;
  assert.equal(reached(byField.open, { fields }), reached(byField.open, { fields }));
  of.opened = [];
  for (let turn = 0; turn < 4; turn += 1) byField.open();
  assert.equal(new Set(of.opened).size, 4);
  await byField.close();
  await byAddress.close();
});

test('a reload forgets nothing: who was away stays away, and what runs is counted on', async () => {
  const of = world();
  const all = balancer(of);
  of.fails.set('one', 'upstream-refused');
  const before = listOf(of, [member(of, 'one'), member(of, 'two')], {}, all);
  const running = before.open();
  const after = listOf(of, [member(of, 'one'), member(of, 'two')], {}, all);
  await before.close();
  assert.deepEqual(
    after.states().map(({ backend, state, live }) => [backend, state, live]),
    [
      ['one', 'down', 0],
      ['two', 'up', 1],
    ],
  );
  running.release(true, null);
  assert.deepEqual(
    after.states().map(({ live }) => live),
    [0, 0],
  );
  await after.close();
  assert.deepEqual(all.statesOf('web'), []);
});

test('no more exchanges than the service may have, all backends together', async () => {
  const of = world();
  const list = listOf(of, [member(of, 'one'), member(of, 'two')], { exchangesMax: 2 });
  const first = list.open();
  list.open();
  assert.equal(
    codeOf(() => list.open()),
    'connections-exceeded',
  );
  first.release(true, null);
  first.release(true, null);
  list.open();
  assert.equal(
    codeOf(() => list.open()),
    'connections-exceeded',
    'who releases twice frees one place',
  );
  await list.close();
});

test('a name is all of its addresses, looked up again: new ones come, old ones end what they carry, and a failing resolver takes nobody', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const of = world();
  const answers: (readonly string[] | null)[] = [['10.0.0.2', '10.0.0.1'], ['10.0.0.2', '10.0.0.3'], null, []];
  let asked = 0;
  const lookup = async (name: string): Promise<readonly string[]> => {
    assert.equal(name, 'app.internal');
    const answer = answers[asked] ?? null;
    asked += 1;
    if (answer === null) throw new Error('SERVFAIL');
    return answer;
  };
  const list = listOf(of, [member(of, 'http://app.internal:80', { name: 'app.internal' })], {}, balancer(of, { lookup }));
  const turn = async (): Promise<void> => {
    for (let step = 0; step < 10; step += 1) await Promise.resolve();
  };
  const backends = (): readonly string[] => list.states().map(({ backend }) => backend);
  assert.deepEqual(backends(), ['http://app.internal:80']);
  await turn();
  assert.deepEqual(backends(), ['http://app.internal:80 at 10.0.0.1', 'http://app.internal:80 at 10.0.0.2']);
  const running = list.open();
  const { backendNamesMs } = limitsWith({});
  context.mock.timers.tick(backendNamesMs);
  await turn();
  assert.deepEqual(backends(), ['http://app.internal:80 at 10.0.0.2', 'http://app.internal:80 at 10.0.0.3']);
  assert.deepEqual(of.closed, ['http://app.internal:80', '10.0.0.1']);
  assert.equal(running.stream.destroyed, false);
  context.mock.timers.tick(backendNamesMs);
  await turn();
  context.mock.timers.tick(backendNamesMs);
  await turn();
  assert.equal(asked, 4);
  assert.equal(backends().length, 2);
  await list.close();
});
