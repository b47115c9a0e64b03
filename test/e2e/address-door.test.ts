/** A door for TCP and UDP: closed to everybody, opened by a login on a web page, for the address that it came from. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createSocket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { parser } from '../../src/cli/configuration.ts';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { loadIdentity } from '../../src/controlplane/certificates/identity.ts';
import { configOrThrow } from '../../src/controlplane/config/parse.ts';
import type { GatewayEvent } from '../../src/controlplane/config/running.ts';
import { parseInvite } from '../../src/controlplane/enrolment/invite-code.ts';
import { openHome } from '../../src/controlplane/home.ts';
import { limitsWith } from '../../src/core/limits.ts';
import { straight } from '../../src/dataplane/reach/way.ts';
import { startGateway } from '../../src/gateway.ts';
import { invitedWith, visitorOf } from '../tunnel/ports.ts';
import { joined, until, world } from '../tunnel/relay.ts';
import { ask, type Asked } from './ask.ts';
import { useCheapHashes } from './cheap-hashes.ts';
import { freePort } from './free-port.ts';
import { shake, startOwnTls } from './own-tls.ts';
import { startService } from './service.ts';
import { startAwake } from '../doubles/awake.ts';
import { goodPassword, ownFolder, startWritten, addUsers } from './written-gateway.ts';

useCheapHashes();

type Echo = Readonly<{ port: number; taken: () => number }>;

async function tcpEcho(context: TestContext): Promise<Echo> {
  const live = new Set<Socket>();
  let taken = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    taken += 1;
    live.add(socket);
    socket.on('error', () => undefined).on('close', () => live.delete(socket));
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    for (const socket of live) socket.destroy();
    server.close();
  });
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, taken: () => taken };
}

/** Answers each datagram with itself, `times` over: what a reflector is made of. */
async function udpEcho(context: TestContext, times: number): Promise<Echo> {
  const socket = createSocket('udp4');
  let taken = 0;
  socket.on('message', (datagram, from) => {
    taken += 1;
    for (let at = 0; at < times; at += 1) socket.send(datagram, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  context.after(() => void socket.close());
  return { port: socket.address().port, taken: () => taken };
}

/** What somebody gets who comes from that address and says something: its echo, or `closed` without a byte. */
async function knock(port: number, from = '127.0.0.1'): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, localAddress: from });
  socket.on('error', () => undefined);
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
  socket.end('hello');
  await gone(socket);
  return text === '' ? 'closed' : text;
}

/** By an end or by a reset. */
function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => void socket.once('close', () => resolve()));
}

async function standing(context: TestContext, port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  context.after(() => void socket.destroy());
  socket.on('error', () => undefined);
  socket.write('x');
  await once(socket, 'data');
  return socket;
}

type Browser = Readonly<{
  get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Asked>;
  post: (path: string, body: string, headers?: Readonly<Record<string, string>>) => Promise<Asked>;
  signIn: (user?: string) => Promise<void>;
}>;

/** A browser as far as forms go: it keeps its session, and says where a form was. */
function browserAt(url: string, ca: string): Browser {
  let cookie = '';
  const html = { Accept: 'text/html', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' };
  const own = (): Record<string, string> => (cookie === '' ? {} : { Cookie: cookie });
  const get: Browser['get'] = (path, headers = {}) => ask(`${url}${path}`, { ca, headers: { ...html, ...own(), ...headers } });
  const post: Browser['post'] = (path, body, headers = {}) => {
    const form = { 'Content-Type': 'application/x-www-form-urlencoded', Origin: url, 'Sec-Fetch-Site': 'same-origin' };
    return ask(`${url}${path}`, { ca, method: 'POST', body, headers: { ...html, ...own(), ...form, ...headers } });
  };
  const signIn = async (user = 'ana'): Promise<void> => {
    const answer = await post(
      '/.sallyport/login',
      new URLSearchParams({ user, password: goodPassword, to: '/.sallyport/door' }).toString(),
    );
    assert.equal(answer.status, 303, answer.body);
    assert.equal(answer.headers['location'], '/.sallyport/door');
    cookie = /__Host-sallyport-session=[^;]+/.exec(String(answer.headers['set-cookie']))?.[0] ?? '';
  };
  return { get, post, signIn };
}

async function command(home: string, ...words: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const terminal = scriptedTerminal({ home });
  assert.equal(await runCommand([...words, '--json'], terminal), 0, terminal.written());
  return terminal.events();
}

/** From the beginning of the work to the closed connection, milliseconds of this process: the gateway and the command are in it. */
async function closes(context: TestContext, socket: Socket, work: () => Promise<unknown>): Promise<number> {
  const awake = startAwake(context);
  const closed = gone(socket).then(awake);
  await work();
  return closed;
}

test('through a relay: a port is closed without a byte until its visitor signs in and opens it, for TCP and UDP', async (context) => {
  const at = await world(context);
  const [tcp, udp] = [await tcpEcho(context), await udpEcho(context, 50)];
  const service = await startService(context);
  const [tcpPort, udpPort] = [await freePort(), await freePort()];
  const [least, most] = [Math.min(tcpPort, udpPort), Math.max(tcpPort, udpPort)];
  const code = await invitedWith(at, 'ana', { ports: { from: least, to: most } });
  const path = await mkdtemp(join(tmpdir(), 'sallyport-door-'));
  context.after(() => rm(path, { recursive: true, force: true }));
  const home = await openHome({ SALLYPORT_HOME: path });
  await addUsers(home.store, ['ana', 'ben']);
  const { relayAddress, fingerprint, name } = parseInvite(code);
  await joined(code, await loadIdentity(home.keys, 'gateway'), at.limits);
  const events: GatewayEvent[] = [];
  const text = JSON.stringify({
    relay: relayAddress,
    services: {
      // Before the page that it names, on purpose.
      shell: { to: `tcp://127.0.0.1:${tcp.port}`, port: tcpPort, access: [{ login: { service: 'web', for: '2h', users: ['ana'] } }] },
      game: { to: `udp://127.0.0.1:${udp.port}`, port: udpPort, access: [{ login: { service: 'web', for: '30m' } }] },
      web: { to: service.port, access: [{ password: {} }] },
    },
  });
  const config = configOrThrow(parser.parse(text, '/x.yaml'), 'x');
  const memberships = [{ address: relayAddress, fingerprint, name, via: { proxy: null, carriers: straight.carriers } }];
  const onEvent = (event: GatewayEvent): void => void events.push(event);
  const gateway = await startGateway({
    home,
    config,
    limits: limitsWith({}),
    embeddedRelay: null,
    memberships,
    keepSwitches: false,
    verbs: {},
    onEvent,
  });
  context.after(() => gateway.stop());
  await until(() => events.filter(({ event }) => event === 'ready').length === 3);
  assert.ok(events.some((event) => event.event === 'warning' && event.code === 'address-alone' && event.message.includes("relay's word")));

  // Closed: not a byte, and nothing reaches the service.
  assert.equal(await knock(tcpPort), 'closed');
  const visitor = await visitorOf(context, udpPort);
  visitor.say(Buffer.from('anybody?'));
  await until(() => at.sink.last().some(({ host }) => host === `udp/${udpPort}`));
  assert.deepEqual([tcp.taken(), udp.taken(), visitor.got.length], [0, 0, 0]);

  const url = `https://web.ana.example.test:${at.port}`;
  const browser = browserAt(url, home.ca);
  const stranger = await browser.get('/.sallyport/door');
  assert.equal(stranger.status, 401);
  assert.match(stranger.body, /name="to" value="\/\.sallyport\/door"/, 'after the login one comes back here');
  await browser.signIn();
  const page = await browser.get('/.sallyport/door');
  assert.equal(page.status, 200);
  assert.match(page.body, /signed in as ana.*address is 127\.0\.0\.1.*as the relay says it/);
  assert.match(page.body, /shell is closed for your address/);
  assert.match(page.body, /same router/);
  assert.doesNotMatch(page.body, /<script/);

  const opened = await browser.post('/.sallyport/door', 'do=open&service=shell');
  assert.deepEqual([opened.status, opened.headers['location']], [303, '/.sallyport/door']);
  assert.equal(await knock(tcpPort), 'hello');
  assert.match((await browser.get('/.sallyport/door')).body, /shell is open for your address until [\d :-]+ UTC, another 2 h/);
  // door of another service: the one that was opened opens no other.
  visitor.say(Buffer.from('and now?'));
  assert.equal(await knock(tcpPort, '127.0.0.2'), 'closed', 'another address');
  assert.deepEqual([udp.taken(), visitor.got.length], [0, 0]);

  // spoofed UDP source: who forges the address of an open door reaches the service, and is no weapon: three times its bytes.
  assert.equal((await browser.post('/.sallyport/door', 'do=open&service=game')).status, 303);
  const ping = Buffer.alloc(100, 7);
  visitor.say(ping);
  await visitor.next();
  await until(() => udp.taken() >= 1);
  const [elsewhere, taken] = [await visitorOf(context, udpPort, '127.0.0.2'), udp.taken()];
  elsewhere.say(ping);
  await until(() => at.sink.last().some(({ visitor: who, host }) => host === `udp/${udpPort}` && who.startsWith('127.0.0.2')));
  assert.deepEqual([udp.taken(), elsewhere.got.length], [taken, 0]);
  const [back, sent] = [visitor.got.reduce((sum, { length }) => sum + length, 0), 100 + 'anybody?and now?'.length];
  assert.ok(back <= 3 * sent, `${back} bytes for ${sent}`);

  // Whom it is not for is not shown it, and cannot open it.
  const other = browserAt(url, home.ca);
  await other.signIn('ben');
  const bens = await other.get('/.sallyport/door');
  assert.deepEqual([bens.body.includes('shell'), bens.body.includes('game is closed')], [false, true]);
  assert.equal((await other.post('/.sallyport/door', 'do=open&service=shell')).status, 403);
  const [anas] = await command(path, 'doors', 'list', '--service', 'shell');
  assert.deepEqual([anas?.['who'], anas?.['address'], anas?.['web']], ['user:ana', '127.0.0.1', 'web']);
  assert.equal((await other.post('/.sallyport/door', `do=close&id=${String(anas?.['id'])}`)).status, 303);
  assert.equal(await knock(tcpPort), 'hello', "nobody closes somebody else's");

  // Taken back: from the command to the closed connection.
  const took: Record<string, number> = {};
  took['doors close'] = await closes(context, await standing(context, tcpPort), () => command(path, 'doors', 'close', '--user', 'ana'));
  assert.equal(await knock(tcpPort), 'closed');
  await browser.post('/.sallyport/door', 'do=open&service=shell');
  took['the page'] = await closes(context, await standing(context, tcpPort), async () => {
    const [door] = await command(path, 'doors', 'list');
    await browser.post('/.sallyport/door', `do=close&id=${String(door?.['id'])}`);
  });
  await browser.post('/.sallyport/door', 'do=open&service=shell');
  took['sessions revoke'] = await closes(context, await standing(context, tcpPort), () =>
    command(path, 'sessions', 'revoke', '--user', 'ana'),
  );
  assert.equal(await knock(tcpPort), 'closed');
  // expired session opens door: what ended opens nothing.
  assert.equal((await browser.post('/.sallyport/door', 'do=open&service=shell')).status, 401);
  assert.equal(await knock(tcpPort), 'closed');
  await browser.signIn();
  await browser.post('/.sallyport/door', 'do=open&service=shell');
  took['users remove'] = await closes(context, await standing(context, tcpPort), () => command(path, 'users', 'remove', 'ana'));
  assert.equal(await knock(tcpPort), 'closed');
  context.diagnostic(JSON.stringify(took));
  for (const [what, ms] of Object.entries(took)) assert.ok(ms < 1_000, `${what} took ${ms.toFixed(0)} ms`);
});

test('on the gateway itself: TLS that is passed on unread waits for a login, and no other page, address or field opens it', async (context) => {
  const [own, service, port, folder] = [
    await startOwnTls(context),
    await startService(context),
    await freePort(),
    await ownFolder(context),
  ];
  const yaml = (span: string, more = ''): string => `
listen: https://127.0.0.1:${port}
services:
  mail: { at: mail.test, to: "tls://127.0.0.1:${own.port}", access: [{ login: { service: web, for: ${span}${more} } }] }
  web: { at: web.test, to: ${service.port}, access: [{ password: {} }] }
  open: { at: open.test, to: ${service.port}, access: [public] }
`;
  const { gateway, ca, rewrite } = await startWritten(context, { folder, text: yaml('2h'), users: ['ana'] });
  const closed = { message: 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME' };
  await assert.rejects(shake(context, port, 'mail.test'), closed);
  const [url, elsewhere] = [`https://web.test:${port}`, `https://open.test:${port}`];
  const browser = browserAt(url, ca);
  await browser.signIn();

  // CSRF opening the door: a page of another site sends the form, with everything that the browser adds by itself.
  for (const forged of [
    { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' },
    { Origin: elsewhere, 'Sec-Fetch-Site': 'same-site' },
    { Origin: 'null', 'Sec-Fetch-Site': 'cross-site' },
  ])
    assert.ok((await browser.post('/.sallyport/door', 'do=open&service=mail', forged)).status >= 400);
  assert.equal((await browser.get('/.sallyport/door?do=open&service=mail')).status, 200, 'a GET changes nothing');
  // A page that asks nobody who they are opens nothing, whatever session is shown.
  const public_ = await ask(`${elsewhere}/.sallyport/door`, {
    ca,
    method: 'POST',
    body: 'do=open&service=mail',
    headers: { Origin: elsewhere },
  });
  assert.ok(public_.status >= 400);
  await assert.rejects(shake(context, port, 'mail.test'), closed);

  // Address from X-Forwarded-For not trusted: what is opened is where the connection came from.
  const claimed = { 'X-Forwarded-For': '198.51.100.9', Forwarded: 'for=198.51.100.9', 'X-Real-IP': '198.51.100.9' };
  assert.equal((await browser.post('/.sallyport/door', 'do=open&service=mail', claimed)).status, 303);
  const home = join(folder, 'home');
  const doors = await command(home, 'doors', 'list');
  assert.deepEqual(
    doors.map(({ address, service: to }) => [address, to]),
    [['127.0.0.1', 'mail']],
  );
  const { socket } = await shake(context, port, 'mail.test');
  socket.write('straight through');
  assert.equal(String((await once(socket, 'data'))[0]), 'straight through');

  // explain knows who could come, and from where.
  const asked = async (from: string, as: string | null) =>
    (await gateway.explain({ url: 'tls://mail.test', method: 'GET', from, as })).verdict;
  assert.deepEqual([await asked('127.0.0.1', null), await asked('198.51.100.9', null)], ['admit', 'ask']);
  assert.deepEqual([await asked('198.51.100.9', 'ana'), await asked('198.51.100.9', 'nobody')], ['admit', 'refuse']);

  // Doors lie in the store: another configuration of the same service keeps them, and signing out ends them.
  await rewrite(yaml('1h'));
  const again = await shake(context, port, 'mail.test');
  const cut = closes(context, again.socket, () => browser.post('/.sallyport/logout', ''));
  assert.ok((await cut) < 1_000);
  await assert.rejects(shake(context, port, 'mail.test'), closed);
});

test('a door that nobody could open, or that leads to what asks for itself, is refused before anything listens', async (context) => {
  const [port, folder] = [await freePort(), await ownFolder(context)];
  const start = (mail: string, web = 'access: [{ password: {} }]') =>
    startWritten(context, {
      folder,
      text: `{ listen: "https://127.0.0.1:${port}", services: { mail: { at: mail.test, ${mail} }, web: { at: web.test, to: 3000, ${web} } } }`,
      users: [],
    });
  const login = 'access: [{ login: { service: web, for: 2h } }]';
  await assert.rejects(start(`to: "tls://127.0.0.1:1", ${login}`, 'access: [public]'), /nobody can sign in at web/);
  await assert.rejects(
    start(`to: "tls://127.0.0.1:1", ${login.replace('web', 'nowhere')}`),
    /login with the service nowhere, which does not exist/,
  );
  await assert.rejects(
    start(`to: "tls://127.0.0.1:1", ${login.replace('web', 'mail')}`),
    /login with the service mail, which has no web pages/,
  );
  await assert.rejects(start(`to: 3001, ${login}`), /before a service that can ask itself who comes/);
  await assert.rejects(start(`to: "tls://127.0.0.1:1", ${login.replace('2h', 'never')}`), /a time from 1m to 30d/);
});
