import assert from 'node:assert/strict';
import { duplexPair, type Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import type { AuditEvent } from '../core/audit/event.ts';
import { SallyportError } from '../core/errors.ts';
import { limitsWith } from '../core/limits.ts';
import type { Exchange } from '../core/policy/exchange.ts';
import type { Check } from '../core/policy/verdict.ts';
import type { Service, Snapshot } from '../contracts/snapshot.ts';
import type { Open } from '../contracts/upstream.ts';
import { http1 } from '../modules/protocols/http1.ts';
import { Engine } from './engine.ts';

const nonce = 'n'.repeat(64);
const anyone: Check = () => ({ is: 'pass', identity: { guard: 'public', subject: 'anyone', name: 'anyone', by: 'nothing', roles: [] } });
const nobody: Check = () => ({ is: 'challenge', code: 'credentials-missing', why: 'none shown', answer: null });

type Setup = Readonly<{ check?: Check; authorize?: Check; service?: Partial<Service>; dial?: Open; sni?: string | null }>;

/** One visitor before an engine with one service, `blog.example`; its service answers "hello" on a stream of its own. */
class Road {
  readonly events: AuditEvent[] = [];
  readonly faults: unknown[] = [];
  readonly engine: Engine;
  readonly visitor: Duplex;
  dialled = 0;
  heard = '';
  said = '';

  constructor(setup: Setup = {}) {
    const service: Service = {
      name: 'blog',
      hosts: ['blog.example'],
      open: true,
      expires: null,
      guarded: true,
      asksPassword: true,
      forwarding: { host: null, hostless: '127.0.0.1:3000', spent: [], forwarded: true },
      dial: setup.dial ?? (() => this.#dial('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')),
      forms: [],
      words: 'http://127.0.0.1:3000',
      ...setup.service,
    };
    const route = {
      name: 'blog',
      service,
      identify: { is: 'check', check: setup.check ?? anyone },
      authorize: setup.authorize === undefined ? [] : [setup.authorize],
      meter: [],
    } as const;
    const snapshot: Snapshot = {
      version: 1,
      route: (exchange) => (exchange.host === 'blog.example' ? route : null),
      face: () => ({ status: 401, fields: [['WWW-Authenticate', 'Sallyport']], body: 'the face' }),
      decoy: null,
      services: [service],
      limits: limitsWith({}),
      unread: null,
      checkNonce: nonce,
    };
    const deadlines = { time: () => 1_000, add: () => undefined, delete: () => undefined };
    const splice = async () => ({ bytesAToB: 0, bytesBToA: 0, code: null, why: null });
    this.engine = new Engine({
      snapshot: () => snapshot,
      audit: { record: (event) => void this.events.push(event), flush: async () => undefined, close: async () => undefined },
      tools: {
        now: () => 1_000,
        newId: () => 'ID',
        limits: snapshot.limits,
        deadlines,
        httpDate: () => 'Sat, 21 Nov 2026 09:00:00 GMT',
        splice,
      },
      onFault: (error) => void this.faults.push(error),
    });
    const [visitor, ours] = duplexPair();
    this.visitor = visitor;
    visitor.on('data', (bytes: Buffer) => (this.heard += bytes.toString('latin1')));
    visitor.on('error', () => undefined);
    const listener = { name: 'https://test', scheme: 'https', port: 443, via: 'direct', loopback: true } as const;
    void this.engine.take({ stream: ours, listener, from: { ip: '192.0.2.7', port: 1 }, sni: setup.sni ?? null }, http1);
  }

  #dial(answer: string): ReturnType<Open> {
    this.dialled += 1;
    const [service, ours] = duplexPair();
    service.on('error', () => undefined);
    service.on('data', (bytes: Buffer) => {
      this.said += bytes.toString('latin1');
      service.write(answer);
    });
    return { is: 'stream', stream: ours, reused: false, release: (reusable) => void (reusable || ours.destroy()) };
  }

  async ask(head: string): Promise<string> {
    this.heard = '';
    this.visitor.write(`${head}\r\n\r\n`);
    for (let each = 0; each < 20; each += 1) await turn();
    return this.heard.replace(/^Date:.*\r\n/m, '');
  }
}

const GET = 'GET /a?b=c HTTP/1.1\r\nHost: blog.example';
const last = (road: Road): AuditEvent | undefined => road.events.at(-1);

test('carries who is let in, and records it once', async () => {
  const road = new Road();
  assert.match(await road.ask(GET), /^HTTP\/1\.1 200 OK[^]*hello$/);
  assert.equal(road.events.length, 1);
  const { verdict, who, service, path, status, bytesOut } = road.events[0] ?? {};
  assert.deepEqual(
    { verdict, who, service, path, status, bytesOut },
    { verdict: 'pass', who: 'anyone', service: 'blog', path: '/a', status: 200, bytesOut: 5 },
  );
});

test('a stranger gets one face, byte for byte, whether path, rule or service exists, open or not', async () => {
  const faces = new Set<string>();
  for (const service of [{}, { open: false }, { expires: 1 }]) {
    for (const head of [
      GET,
      GET.replace('/a?b=c', '/.sallyport/nothing'),
      GET.replace('/a?b=c', '/.git/config'),
      GET.replace('blog.', 'other.'),
    ]) {
      const road = new Road({ check: nobody, service });
      faces.add(await road.ask(head));
      assert.equal(road.dialled, 0);
    }
  }
  assert.equal(faces.size, 1);
  assert.match([...faces][0] ?? '', /^HTTP\/1\.1 401 [^]*the face$/);
});

test('the record says code and why, though the visitor sees one face', async () => {
  const codes = [];
  for (const [setup, head] of [
    [{ check: nobody }, GET],
    [{}, GET.replace('blog.', 'other.')],
    [{ service: { open: false } }, GET],
    [{ service: { expires: 1_000 } }, GET],
  ] as const) {
    const road = new Road(setup);
    await road.ask(head);
    codes.push(last(road)?.code);
    assert.ok((last(road)?.why ?? '').length > 0);
  }
  assert.deepEqual(codes, ['credentials-missing', 'route-missing', 'service-closed', 'service-expired']);
});

test('who is let in and may not, hears so plainly', async () => {
  const road = new Road({ authorize: () => ({ is: 'deny', code: 'path-denied', why: 'a rule says no' }) });
  assert.match(await road.ask(GET), /^HTTP\/1\.1 403 /);
  assert.equal(road.dialled, 0);
});

test('a guard that throws lets nobody in', async () => {
  const road = new Road({
    check: () => {
      throw new Error('broken guard');
    },
  });
  assert.match(await road.ask(GET), /^HTTP\/1\.1 401 [^]*the face$/);
  assert.equal(last(road)?.code, 'guard-failed');
});

test('domain fronting: a Host that is not the name of the handshake is misdirected, whoever asks', async () => {
  const road = new Road({ sni: 'other.example' });
  assert.match(await road.ask(GET), /^HTTP\/1\.1 421 /);
  assert.equal(last(road)?.code, 'host-misdirected');
  const same = new Road({ sni: 'blog.example' });
  assert.match(await same.ask(GET.replace('blog.example', 'BLOG.example.:443')), /^HTTP\/1\.1 200 /);
});

test('what lies below /.sallyport/ is never forwarded, in no spelling', async () => {
  const spellings = [
    ...[
      '/.sallyport',
      '/.sallyport/x',
      '/%2esallyport/x',
      '/a/../.sallyport/x',
      '/.sallyport/%2e%2e/x',
      '//.sallyport/x',
      '/./.sallyport/x',
    ],
    ...[
      '/.sallyport%2Fx',
      '/%2F.sallyport/x',
      '/%252esallyport/x',
      '/a/..%2f.sallyport/x',
      '/.sallyport;a=b/x',
      '/.SALLYPORT//x',
      '/x/..;/.sallyport/x',
    ],
  ];
  for (const path of spellings) {
    const road = new Road({ service: { guarded: false } });
    const heard = await road.ask(GET.replace('/a?b=c', path));
    assert.equal(road.dialled, 0, path);
    assert.match(heard, /^HTTP\/1\.1 404 /, path);
  }
});

test('our own check gets a refusal with a proof, and is counted nowhere', async () => {
  const road = new Road();
  assert.match(await road.ask(`${GET}\r\nSallyport-Check: ${nonce}`), /^HTTP\/1\.1 401 [^]*Sallyport-Check: [0-9a-f]{64}\r\n/);
  assert.deepEqual([road.events.length, road.dialled], [0, 0]);
  const wrong = await road.ask(`${GET}\r\nSallyport-Check: ${'m'.repeat(64)}`);
  assert.doesNotMatch(wrong, /Sallyport-Check/);
  assert.equal(road.events.length, 1);
});

test('our own check passes while the service is down', async () => {
  const road = new Road({
    dial: () => {
      throw new SallyportError('upstream-refused', 'nobody listens');
    },
  });
  assert.match(await road.ask(`${GET}\r\nSallyport-Check: ${nonce}`), /Sallyport-Check: [0-9a-f]{64}/);
});

test('a service that is down is a 502 that tries again, and the connection lives on', async () => {
  const road = new Road({
    dial: () => {
      throw new SallyportError('upstream-refused', 'nobody listens');
    },
  });
  assert.match(await road.ask(GET), /^HTTP\/1\.1 502 [^]*Retry-After: \d/);
  assert.equal(last(road)?.verdict, 'fail');
  assert.match(await road.ask(GET), /^HTTP\/1\.1 502 /);
});

test('an upstream that throws something else is our fault: told to us, a 500 to the visitor', async () => {
  const road = new Road({
    dial: () => {
      throw new TypeError('a bug with /etc/passwd in it');
    },
  });
  const heard = await road.ask(GET);
  assert.match(heard, /^HTTP\/1\.1 500 /);
  assert.doesNotMatch(heard, /passwd/);
  assert.equal(road.faults.length, 1);
});

test('a kept connection that was being closed is tried once more on a fresh one, and no more than once', async () => {
  const tried: boolean[] = [];
  const closing: Open = (_exchange: Exchange, _caller, fresh) => {
    tried.push(fresh);
    const [service, ours] = duplexPair();
    service.on('error', () => undefined);
    setImmediate(() => service.destroy());
    return { is: 'stream', stream: ours, reused: true, release: () => void ours.destroy() };
  };
  const road = new Road({ dial: closing });
  assert.match(await road.ask(GET), /^HTTP\/1\.1 502 /);
  assert.deepEqual(tried, [false, true]);
});

test('credentials that a guard used up do not reach the service', async () => {
  const spending: Check = (exchange) => {
    const verdict = anyone(exchange, async () => null);
    return 'is' in verdict && verdict.is === 'pass' ? { ...verdict, spent: ['authorization'] } : verdict;
  };
  const road = new Road({ check: spending });
  await road.ask(`${GET}\r\nAuthorization: Basic YTpi\r\nX-Kept: yes`);
  assert.doesNotMatch(road.said, /authorization/i);
  assert.match(road.said, /X-Kept: yes/);
});

test('identity spoofing: a service is told who asks by us alone', async () => {
  const forwarding = {
    host: null,
    hostless: '127.0.0.1:3000',
    spent: [],
    forwarded: true,
    tell: ({ identity }: Exchange) => `X-Sallyport-User: ${identity?.subject ?? ''}\r\n`,
  };
  const road = new Road({ service: { forwarding } });
  const lies = [
    'X-Sallyport-User: root',
    'x_sallyport_user: root',
    'X-Sallyport-Roles: admin',
    'Sallyport-User: root',
    'Connection: X-Sallyport-User',
  ];
  await road.ask([GET, ...lies].join('\r\n'));
  assert.doesNotMatch(road.said, /root|admin/);
  assert.match(road.said, /\r\nX-Sallyport-User: anyone\r\n/);
});

test('cutting a service ends what runs at once, and nothing else', async () => {
  const endless: Open = () => {
    const [service, ours] = duplexPair();
    service.on('error', () => undefined);
    service.once('data', () => service.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'));
    return { is: 'stream', stream: ours, reused: false, release: (reusable) => void (reusable || ours.destroy()) };
  };
  const road = new Road({ dial: endless });
  await road.ask(GET);
  assert.equal(road.engine.liveOf('blog'), 1);
  assert.equal(
    road.engine.cut((service) => service.name === 'other', 'exchange-cut'),
    0,
  );
  assert.equal(
    road.engine.cut((service) => service.name === 'blog', 'exchange-cut'),
    1,
  );
  for (let each = 0; each < 10; each += 1) await turn();
  assert.equal(last(road)?.code, 'exchange-cut');
  assert.equal(road.engine.liveOf('blog'), 0);
});
