/** A login by mail as its visitor meets it: over TLS, through a real mail server, in the pages of a gateway. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import type { GatewayEvent } from '../../src/controlplane/config/running.ts';
import { certificate } from '../doubles/pki.ts';
import { ask, type Asked } from './ask.ts';
import { startService } from './service.ts';
import { isReady, ownFolder, startWritten } from './written-gateway.ts';

type Undelivered = Extract<GatewayEvent, { event: 'error' }>;
const isUndelivered = (event: GatewayEvent): event is Undelivered => event.event === 'error' && event.code === 'mail-undelivered';

type Context = Parameters<typeof ownFolder>[0];

/** A server that hands out the letters that come, and speaks TLS by a CA of its own. */
async function mailServer(context: Context, folder: string) {
  const ca = await certificate({ subject: 'Mail CA', isCa: true });
  await writeFile(join(folder, 'mail-ca.pem'), ca.cert);
  const letters: string[] = [];
  let arrived = Promise.withResolvers<string>();
  const server = new SMTPServer({
    ...(await certificate({ subject: 'localhost', names: ['localhost'], issuer: ca })),
    logger: false,
    onAuth: ({ username, password }, _session, done) =>
      username === 'gate' && password === 'secret' ? done(null, { user: username }) : done(new Error('no')),
    onData: (stream, _session, done) => {
      let text = '';
      stream.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      stream.on('end', () => {
        letters.push(text);
        arrived.resolve(text);
        arrived = Promise.withResolvers<string>();
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { letters, port: (server.server.address() as AddressInfo).port, next: () => arrived.promise };
}

test('a code comes by mail and opens the service; strangers get the same page; a server that is away is told to the owner', async (context) => {
  const [service, folder] = [await startService(context), await ownFolder(context)];
  const mail = await mailServer(context, folder);
  const terminal = scriptedTerminal({ home: join(folder, 'home'), stdin: 'secret\n' });
  assert.equal(await runCommand(['secrets', 'add', 'mail', '--mail', '--json'], terminal), 0, terminal.written());
  const text = (port: number): string => `
listen: https://127.0.0.1:0
limits: { mailAgainMs: 10 }
mail: { smtp: "smtp://localhost:${port}", from: gate@example.net, user: gate, secret: mail, ca: mail-ca.pem }
services:
  photos:
    at: photos.localhost
    to: ${service.port}
    access: [{ email: { allow: [ana@example.org] } }]
    identity: [headers]
`;
  const gateway = await startWritten(context, { folder, text: text(mail.port) });
  const { url } = await gateway.event(isReady);
  const visit = (path: string, form: Readonly<Record<string, string>> | null = null, cookie = ''): Promise<Asked> =>
    ask(`${url}${path}`, {
      ca: gateway.ca,
      ...(form === null ? {} : { method: 'POST', body: new URLSearchParams(form).toString() }),
      headers: {
        Accept: 'text/html',
        'Sec-Fetch-Mode': 'navigate',
        'Sec-Fetch-Site': form === null ? 'none' : 'same-origin',
        ...(form === null ? {} : { 'Content-Type': 'application/x-www-form-urlencoded', Origin: url }),
        ...(cookie === '' ? {} : { Cookie: cookie }),
      },
    });
  const cookieOf = (answer: Asked, name: string): string =>
    [answer.headers['set-cookie'] ?? []]
      .flat()
      .find((each) => each.startsWith(name))
      ?.split(';')[0] ?? '';

  const face = await visit('/album');
  assert.equal(face.status, 401);
  assert.match(face.body, /action="\/\.sallyport\/email"[\s\S]*name="to" value="\/album"[\s\S]*type="email"/);
  const letter = mail.next();
  const [asked, stranger] = [
    await visit('/.sallyport/email', { email: 'ana@example.org', to: '/album' }),
    await visit('/.sallyport/email', { email: 'eva@example.org', to: '/album' }),
  ];
  assert.deepEqual([asked.status, asked.headers['location'], asked.body], [stranger.status, stranger.headers['location'], stranger.body]);
  const [, code = ''] = /The code is (\d{4} \d{4})/.exec(await letter) ?? [];
  assert.notEqual(code, '');
  const browser = cookieOf(asked, '__Host-sallyport-mail');
  const page = await visit(String(asked.headers['location']), null, browser);
  assert.match(page.body, /autocomplete="one-time-code"/);
  assert.equal((await visit('/.sallyport/mailcode', { code, to: '/album' }, cookieOf(stranger, '__Host-sallyport-mail'))).status, 401);
  const entered = await visit('/.sallyport/mailcode', { code, to: '/album' }, browser);
  assert.deepEqual([entered.status, entered.headers['location']], [303, '/album']);
  const inside = await visit('/album', null, cookieOf(entered, '__Host-sallyport-session'));
  assert.equal(inside.status, 200);
  assert.match(JSON.stringify(service.seen.at(-1)?.headers), /"X-Sallyport-User","email:ana@example\.org"/);
  assert.doesNotMatch(JSON.stringify(service.seen), /sallyport-(?:mail|session)=/);
  assert.equal(mail.letters.length, 1);

  // The same words for the visitor, and one line for the owner.
  await gateway.rewrite(text(1));
  assert.equal((await visit('/.sallyport/email', { email: 'ana@example.org', to: '/' })).status, 303);
  const told = await gateway.event(isUndelivered);
  assert.match(told.message, /localhost:1: ECONNREFUSED/);
  const records = gateway.events.filter(({ event }) => event === 'exchange');
  assert.ok(!JSON.stringify(records).includes(code) && !JSON.stringify(records).includes(code.replace(' ', '')));
});
