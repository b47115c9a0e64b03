/** Mail over real sockets, to a real SMTP server: verified, bounded, and told of when it fails. */

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { certificate } from '../../../test/doubles/pki.ts';
import type { Letter, MailPlan } from '../../contracts/mail.ts';
import { SallyportError } from '../../core/errors.ts';
import { limitsWith, type Limits } from '../../core/limits.ts';
import { createPost } from './mail.ts';

const ca = await certificate({ subject: 'Test CA', isCa: true });
const own = await certificate({ subject: 'localhost', names: ['localhost'], issuer: ca });
const folder = await mkdtemp(join(tmpdir(), 'sallyport-mail-'));
const caFile = join(folder, 'ca.pem');
await writeFile(caFile, ca.cert);
after(() => rm(folder, { recursive: true, force: true }));

type Context = { after: (done: () => Promise<void>) => void };
type Came = Readonly<{ from: string; to: readonly string[]; user: string | null; secure: boolean; data: string }>;

const letter: Letter = { to: 'ana@example.org', subject: 'Your code for blog: äöü', text: 'The code is 1234 5678\n\nBye, ä.\n' };

async function server(context: Context, options: SMTPServerOptions = {}) {
  const came: Came[] = [];
  let told = Promise.withResolvers<void>();
  const smtp = new SMTPServer({
    ...own,
    authOptional: true,
    logger: false,
    onAuth: ({ username, password }, _session, done) =>
      username === 'gate' && password === 'the password of it'
        ? done(null, { user: username })
        : done(new Error('no such account: secret')),
    onData: (stream, session, done) => {
      let data = '';
      stream.setEncoding('utf8').on('data', (text: string) => (data += text));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const to = rcptTo.map(({ address }) => address);
        came.push({
          from: mailFrom === false ? '' : (mailFrom?.address ?? ''),
          to,
          user: typeof session.user === 'string' ? session.user : null,
          secure: session.secure,
          data,
        });
        done();
        told.resolve();
        told = Promise.withResolvers<void>();
      });
    },
    ...options,
  });
  smtp.on('error', () => undefined);
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
  context.after(() => new Promise<void>((resolve) => smtp.close(() => resolve())));
  return { came, port: (smtp.server.address() as AddressInfo).port, next: () => told.promise };
}

const planAt = (port: number, more: Partial<MailPlan> = {}): MailPlan => ({
  host: 'localhost',
  port,
  security: 'starttls',
  user: null,
  secret: null,
  from: 'gate@example.net',
  name: 'Gate',
  ca: caFile,
  ...more,
});

function post(context: Context, changes: Partial<Limits> = {}) {
  const troubles: (SallyportError | null)[] = [];
  const heard = new EventEmitter();
  const made = createPost({
    limits: limitsWith({ mailAgainMs: 10, ...changes }),
    now: () => Date.now(),
    secret: (name) => (name === 'mail' ? Buffer.from('the password of it') : name === 'wrong' ? Buffer.from('another password') : null),
    trouble: (error) => {
      troubles.push(error);
      heard.emit('told');
    },
  });
  context.after(() => made.close());
  return { made, troubles, trouble: () => once(heard, 'told') };
}

describe('mail', () => {
  for (const security of ['starttls', 'tls'] as const) {
    test(`a letter arrives by ${security}, with our name and password, whole and to one address`, async (context) => {
      const { came, port, next } = await server(context, { secure: security === 'tls' });
      const { made } = post(context);
      const arrived = next();
      assert.ok(made.by(planAt(port, { security, user: 'gate', secret: 'mail' })).send(letter));
      await arrived;
      const [first] = came;
      assert.deepEqual([first?.from, first?.to, first?.user, first?.secure], ['gate@example.net', ['ana@example.org'], 'gate', true]);
      assert.match(first?.data ?? '', /^From: "?Gate"? <gate@example\.net>\r$/m);
      assert.match(first?.data ?? '', /^To: ana@example\.org\r$/m);
      assert.match(first?.data ?? '', /^Auto-Submitted: auto-generated\r$/m);
      assert.match(first?.data ?? '', /1234 5678/);
      assert.doesNotMatch(first?.data ?? '', /text\/html|https?:/);
    });
  }

  test('a certificate that is not trusted, and one of another name: nothing is sent, and the owner is told', async (context) => {
    const { came, port } = await server(context, { secure: true });
    const { made, troubles, trouble } = post(context);
    let told = trouble();
    made.by(planAt(port, { security: 'tls', ca: null })).send(letter);
    await told;
    assert.match(troubles[0]?.message ?? '', /certificate is not trusted/);
    assert.equal(troubles[0]?.code, 'mail-undelivered');
    const stranger = await certificate({ subject: 'other', names: ['other.example'], issuer: ca });
    const { port: elsewhere, came: none } = await server(context, { secure: true, ...stranger });
    const second = post(context);
    told = second.trouble();
    second.made.by(planAt(elsewhere, { security: 'tls' })).send(letter);
    await told;
    assert.match(second.troubles[0]?.message ?? '', /certificate is not trusted/);
    assert.deepEqual([came, none], [[], []]);
  });

  test('STARTTLS that is not offered (stripping): neither the password nor the letter is said', async (context) => {
    const { came, port } = await server(context, { hideSTARTTLS: true, disabledCommands: ['STARTTLS'], allowInsecureAuth: true });
    const { made, troubles, trouble } = post(context);
    const told = trouble();
    made.by(planAt(port, { user: 'gate', secret: 'mail' })).send(letter);
    await told;
    assert.match(troubles[0]?.message ?? '', /TLS/);
    assert.deepEqual(came, []);
  });

  test('in the clear where it was said, and nowhere else', async (context) => {
    const { came, port, next } = await server(context, { hideSTARTTLS: true, disabledCommands: ['STARTTLS'] });
    const { made } = post(context);
    const arrived = next();
    made.by(planAt(port, { security: 'plain', ca: null })).send(letter);
    await arrived;
    assert.equal(came[0]?.secure, false);
  });

  test("a wrong password, and an address that the server refuses: told without a secret, the address or the server's words", async (context) => {
    const { port, came } = await server(context, {
      onRcptTo: (_address, _session, done) => done(Object.assign(new Error('no <ana@example.org> here'), { responseCode: 550 })),
    });
    for (const [plan, words] of [
      [planAt(port, { user: 'gate', secret: 'wrong' }), /name and password \(535\)/],
      [planAt(port), /answers 550/],
    ] as const) {
      const { made, troubles, trouble } = post(context);
      const told = trouble();
      made.by(plan).send(letter);
      await told;
      assert.match(troubles[0]?.message ?? '', words);
      assert.doesNotMatch(JSON.stringify([troubles[0]?.message, troubles[0]?.hint]), /another password|ana@|no such account|1234/);
    }
    assert.deepEqual(came, []);
  });

  test('a server that says nothing is not waited for, and more letters than may wait are refused', async (context) => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    context.after(() => new Promise<void>((resolve) => silent.close(() => resolve())));
    const { port } = silent.address() as AddressInfo;
    const { made, troubles, trouble } = post(context, { mailMs: 60_000, mailsAtOnceMax: 1, mailQueueMax: 3 });
    const mail = made.by(planAt(port));
    const told = trouble();
    const taken = Array.from({ length: 6 }, () => mail.send(letter));
    assert.deepEqual(taken, [true, true, true, false, false, false]);
    await told;
    assert.match(troubles[0]?.message ?? '', /too many wait/);
    assert.equal(troubles.length, 1, 'the same is told once');
    await made.close();
    assert.equal(mail.send(letter), false);
  });

  test('a secret that is not stored, and a file without a certificate, are refused before anything is sent', (context) => {
    const { made } = post({ after: (done) => context.after(done) });
    const refused = (code: string) => (error: unknown) => error instanceof SallyportError && error.code === code;
    assert.throws(() => made.by(planAt(25, { user: 'gate', secret: 'unheard' })), refused('secret-missing'));
    assert.throws(() => made.by(planAt(25, { ca: join(folder, 'none.pem') })), refused('file-missing'));
  });
});
