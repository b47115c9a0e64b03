/** `sallyport tcp` and `sallyport connect`: bytes of any protocol through TLS, judged like a request, cut when they must be. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect as connectPlain, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from './free-port.ts';
import { curl, withoutCurl } from './curl.ts';
import { linkOf, text } from './lines.ts';
import { freshHome, recorded, run, runInside, runRefused, runToEnd, type Line, type Recorded, type Serving } from './program.ts';
import { startTcpService } from './tcp-service.ts';

type Context = Parameters<typeof freshHome>[0];
type Words = Readonly<Record<string, string>>;

/** `sallyport connect` to what a ready line says, listening; with the port that it took. */
async function connectTo(
  context: Context,
  ready: Line,
  env: Words,
  words: readonly string[] = [],
): Promise<Readonly<{ program: Serving; port: number }>> {
  const { host } = new URL(text(ready, 'url'));
  const program = runInside(context, ['connect', host, '--ca', text(ready, 'ca'), ...words], { home: await freshHome(context), env });
  const { listen } = await program.line('connecting');
  return { program, port: Number(String(listen).split(':').at(-1)) };
}

/** As most programs are: it ends when the other side has ended. */
async function dial(context: Context, port: number): Promise<Socket> {
  const socket = connectPlain({ host: '127.0.0.1', port });
  context.after(async () => void socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** It is over, in whatever way. */
async function gone(socket: Socket): Promise<void> {
  socket.resume();
  if (!socket.closed) await new Promise<void>((resolve) => socket.once('close', () => resolve()));
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Sends all, ends its side, and reads until the other side ends. */
async function thereAndBack(socket: Socket, bytes: Uint8Array): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  const ended = once(socket, 'end');
  socket.end(bytes);
  await ended;
  return Buffer.concat(parts);
}

async function echo(socket: Socket, words: string): Promise<string> {
  socket.write(words);
  return String((await once(socket, 'data'))[0]);
}

test('megabytes both ways come whole through sallyport tcp and connect, a half-close is passed on, and one line is left', async (context) => {
  const service = await startTcpService(context);
  const home = await freshHome(context);
  const share = runInside(context, ['tcp', String(service.port), '--name', 'echo'], { home });
  const ready = await share.line('ready');
  assert.match(text(ready, 'url'), /^tcp:\/\/echo\.localhost:\d+$/);
  assert.match(linkOf(ready), /^https:\/\/echo\.localhost:\d+\/\.sallyport\/link\//);
  const { port, program } = await connectTo(context, ready, { SALLYPORT_LINK: linkOf(ready) });
  const bytes = randomBytes(24_000_000);
  const ends = service.ended();
  const started = performance.now();
  const back = await thereAndBack(await dial(context, port), bytes);
  const seconds = (performance.now() - started) / 1_000;
  assert.equal(digest(back), digest(bytes));
  context.diagnostic(`24 MB there and back in ${seconds.toFixed(2)} s: ${Math.round((24 * 8 * 2) / seconds)} Mbit/s in sum`);
  assert.equal(await ends, 'end');
  // Several at a time, each its own.
  const many = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const own = randomBytes(300_000);
      return digest(await thereAndBack(await dial(context, port), own)) === digest(own);
    }),
  );
  assert.deepEqual(
    many,
    Array.from({ length: 8 }, () => true),
  );
  if (process.platform === 'linux') assert.match(service.from[0] ?? '', /^127\.83\.\d+\.\d+$/);
  assert.equal(await program.stop(), 0);
  const isBig = ({ bytesIn }: Recorded): boolean => bytesIn === 24_000_000;
  const records = await recorded(home, (all) => all.some(isBig));
  const big = records.find(isBig);
  assert.deepEqual([big?.['bytesOut'], big?.['status'], big?.['verdict'], big?.['code']], [24_000_000, 101, 'pass', null]);
  assert.match(String(big?.['who']), /^link:/);
  assert.doesNotMatch(JSON.stringify(records), new RegExp(linkOf(ready).split('/').at(-1) ?? '-'));
});

test('who shows nothing, a wrong link or a wrong password is not let in, and the service hears of nobody', async (context) => {
  const service = await startTcpService(context);
  const home = await freshHome(context);
  const env = { SALLYPORT_PASSWORD: 'four unrelated words here' };
  const share = runInside(context, ['tcp', String(service.port), '--name', 'shut', '--password', 'ana', '--link'], { home, env });
  const ready = await share.line('ready');
  const tries: readonly (readonly [Words, readonly string[]])[] = [
    [{ SALLYPORT_LINK: 'A'.repeat(32) }, []],
    [{ SALLYPORT_PASSWORD: 'another four words here' }, ['--user', 'ana']],
    [{}, ['--no-credential']],
  ];
  for (const [shown, words] of tries) {
    const { port, program } = await connectTo(context, ready, shown, words);
    const socket = await dial(context, port);
    await gone(socket);
    assert.equal(await program.exited, 77, words.join());
    assert.equal(program.lines.at(-1)?.['code'], 'connection-refused');
  }
  assert.equal(service.from.length, 0);
  const { port } = await connectTo(context, ready, env, ['--user', 'ana']);
  assert.equal(await echo(await dial(context, port), 'in'), 'in');
});

test(
  'route confusion: a web request to a TCP service and an upgrade to a web service never reach either',
  { skip: withoutCurl },
  async (context) => {
    const service = await startTcpService(context);
    const share = runInside(context, ['tcp', String(service.port), '--name', 'raw', '--public'], { home: await freshHome(context) });
    const ready = await share.line('ready');
    const [url, ca] = [text(ready, 'url').replace('tcp:', 'https:'), text(ready, 'ca')];
    const page = await curl(['--cacert', ca, '--http1.1', url]);
    assert.deepEqual([page.status, page.fields.get('upgrade')], [426, 'sallyport-tcp']);
    const again = await curl(['--cacert', ca, url]);
    assert.deepEqual([again.status, again.fields.get('upgrade')], [426, undefined]);
    assert.match(page.body, /sallyport connect/);
    assert.equal(
      (
        await curl([
          '--cacert',
          ca,
          '-H',
          'Connection: Upgrade',
          '-H',
          'Upgrade: websocket',
          '-H',
          'Sec-WebSocket-Version: 13',
          '-H',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
          url,
        ])
      ).status,
      426,
    );
    assert.equal(service.from.length, 0);

    const web = await startTcpService(context);
    const open = runInside(context, ['http', String(web.port), '--name', 'web', '--public'], { home: await freshHome(context) });
    const there = await open.line('ready');
    const before = web.from.length;
    const { port, program } = await connectTo(context, there, {}, ['--no-credential']);
    await gone(await dial(context, port));
    assert.equal(await program.exited, 77);
    assert.equal(web.from.length, before);
  },
);

/** A connection that echoes, by a link that was just added: the gateway hears of it from its store, a moment later. */
async function admitted(context: Context, ready: Line, link: string): Promise<Socket> {
  for (const end = performance.now() + 10_000; ;) {
    const { program, port } = await connectTo(context, ready, { SALLYPORT_LINK: link });
    const socket = await dial(context, port);
    const got = await echo(socket, 'hello').catch((error: unknown) => error);
    if (got === 'hello') return socket;
    if (performance.now() > end) throw got;
    await program.stop();
  }
}

test('what runs is cut when its link is revoked, its service closed, its password changed or its time over', async (context) => {
  const service = await startTcpService(context);
  const home = await freshHome(context);
  const file = join(await freshHome(context), 'sallyport.yaml');
  await writeFile(file, `services:\n  echo: { to: "tcp://127.0.0.1:${service.port}", access: [{ link: {} }, { password: {} }] }\n`);
  const password = { SALLYPORT_PASSWORD: 'four unrelated words here' };
  await runToEnd(context, ['users', 'add', 'ana'], { home, env: password });
  const up = runInside(context, ['up', '--config', file], { home });
  const ready = await up.line('ready');
  const added = await runToEnd(context, ['links', 'add', 'echo'], { home });
  const link = added.lines.find(({ event }) => event === 'link');
  const one = await admitted(context, ready, text(link, 'url'));
  const byPassword = await connectTo(context, ready, password, ['--user', 'ana']);
  const two = await dial(context, byPassword.port);
  assert.equal(await echo(two, 'b'), 'b');

  const [oneGone, heard] = [gone(one), service.ended()];
  await runToEnd(context, ['links', 'revoke', text(link, 'id')], { home });
  await oneGone;
  assert.equal(await heard, 'reset', 'a cut never looks like an end to the service');
  assert.equal(await echo(two, 'still here'), 'still here');

  const twoGone = gone(two);
  await runToEnd(context, ['users', 'add', 'ana'], { home, env: { SALLYPORT_PASSWORD: 'other words than before' } });
  await twoGone;

  // Who is cut for a new password is cut by a gateway that knows it.
  const again = await connectTo(context, ready, { SALLYPORT_PASSWORD: 'other words than before' }, ['--user', 'ana']);
  const three = await dial(context, again.port);
  assert.equal(await echo(three, 'c'), 'c');
  const threeGone = gone(three);
  await runToEnd(context, ['close', 'echo'], { home });
  await threeGone;
  await runToEnd(context, ['open', 'echo'], { home });

  const four = await dial(context, again.port);
  assert.equal(await echo(four, 'd'), 'd');
  const fourGone = gone(four);
  await writeFile(file, `services:\n  echo: { to: "tcp://127.0.0.1:${service.port}", access: [{ link: {} }] }\n`);
  await fourGone;
  assert.equal(service.live(), 0);
});

test('a share whose time is over cuts what runs through it', async (context) => {
  const service = await startTcpService(context);
  const share = runInside(context, ['tcp', String(service.port), '--name', 'brief', '--for', '8s'], { home: await freshHome(context) });
  const ready = await share.line('ready');
  const { port } = await connectTo(context, ready, { SALLYPORT_LINK: linkOf(ready) });
  const socket = await dial(context, port);
  assert.equal(await echo(socket, 'x'), 'x');
  await gone(socket);
  assert.equal(await share.exited, 0);
});

test('connect over standard input and output: bytes through, its end seen, the certificate held against --ca', async (context) => {
  const service = await startTcpService(context);
  const share = runInside(context, ['tcp', String(service.port), '--name', 'pipe'], { home: await freshHome(context) });
  const ready = await share.line('ready');
  const { host } = new URL(text(ready, 'url'));
  const home = await freshHome(context);
  const env = { SALLYPORT_LINK: linkOf(ready) };
  const words = ['connect', host, '--stdio'];
  const wrong = run(context, words, { home, env, json: false });
  assert.equal(await wrong.exited, 76, 'nobody trusts the CA unasked');
  assert.equal(service.from.length, 0, 'and no credential is sent there');

  const pipe = run(context, [...words, '--ca', text(ready, 'ca')], { home, env, json: false });
  const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, at) => `line ${at}`).join('\n'));
  pipe.child.stdin?.end(bytes);
  assert.equal(await pipe.exited, 0);
  assert.equal(pipe.lines.map((line) => line['text']).join('\n'), bytes.toString());
});

test('secrets and doors: no link in the command line or to another place, no port for the network', async (context) => {
  const home = await freshHome(context);
  const wrong: readonly (readonly string[])[] = [
    ['connect', 'https://x.example.org/.sallyport/link/AAAAAAAAAAAAAAAAAAAAAAAA'],
    ['connect', 'x.example.org', '--listen', '0.0.0.0:2222'],
    ['connect', 'x.example.org', '--listen', '192.0.2.1:1'],
    ['connect', 'x.example.org', '--stdio', '--stdin'],
    ['connect', 'x.example.org/path'],
    ['connect', 'x.example.org'],
  ];
  for (const words of wrong) {
    const { code, lines } = await runRefused(context, words, { home });
    assert.deepEqual([code, lines[0]?.['code']], [64, 'usage-wrong'], words.join(' '));
    assert.doesNotMatch(JSON.stringify(lines), /AAAA/);
  }
  const env = { SALLYPORT_LINK: 'https://one.example.org/.sallyport/link/AAAAAAAAAAAAAAAAAAAAAAAA' };
  const { code, lines } = await runRefused(context, ['connect', 'two.example.org'], { home, env });
  assert.deepEqual([code, lines[0]?.['code']], [64, 'usage-wrong']);
  assert.match(String(lines[0]?.['message']), /for one\.example\.org, and two\.example\.org is not to see it/);
});

test('the same on an address of the gateway itself, without a relay', async (context) => {
  const service = await startTcpService(context);
  const file = join(await freshHome(context), 'sallyport.yaml');
  const port = await freePort();
  await writeFile(
    file,
    `listen: https://127.0.0.1:${port}\nservices:\n  db: { at: db.localhost, to: "tcp://127.0.0.1:${service.port}", access: [public] }\n`,
  );
  const gateway = runInside(context, ['gateway', '--config', file], { home: await freshHome(context) });
  const ready = await gateway.line('ready');
  assert.equal(text(ready, 'url'), `tcp://db.localhost:${port}`);
  const local = await connectTo(context, ready, {}, ['--no-credential']);
  const bytes = randomBytes(8_000_000);
  const ends = service.ended();
  const back = await thereAndBack(await dial(context, local.port), bytes);
  assert.equal(digest(back), digest(bytes));
  assert.equal(await ends, 'end');
  // A service that is away is said, and the door stays open for when it is back.
  await service.close();
  await gone(await dial(context, local.port));
  const { code, message } = await local.program.line('error');
  assert.equal(code, 'address-unreachable');
  assert.match(String(message), /does not answer \(502\)/);
});
