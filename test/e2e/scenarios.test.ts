/** The three kinds of network with the example blog, each from this machine and from another one. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createBlog } from '../../examples/blog/blog.ts';
import { curl, withoutCurl, type Curled } from './curl.ts';
import { freePort } from './free-port.ts';
import { otherMachine, type OtherMachine } from './other-machine.ts';
import { goodPassword, isReady, ownFolder, startWritten, type WrittenGateway } from './written-gateway.ts';

const skip = withoutCurl;
const password = ['-u', `ana:${goodPassword}`];

type Scene = Readonly<{ other: OtherMachine; folder: string; blog: string; https: number; http: number }>;

/** The blog and another machine; null where there can be none. */
async function scene(context: TestContext): Promise<Scene | null> {
  const other = otherMachine(context);
  if (typeof other === 'string') return (context.skip(other), null);
  const blog = createBlog(':memory:');
  blog.server.listen(0, '127.0.0.1');
  await once(blog.server, 'listening');
  context.after(() => blog.close());
  const { port } = blog.server.address() as AddressInfo;
  const services = `services: { blog: { to: ${port} } }`;
  return { other, folder: await ownFolder(context), blog: services, https: await freePort(), http: await freePort() };
}

/** Visits with the local CA trusted; by `from` the visitor is on another machine. */
function visitor(gateway: WrittenGateway, from: OtherMachine | null) {
  return (url: string, ...words: readonly string[]): Promise<Curled> =>
    curl(['--cacert', gateway.ca, ...words, url], null, from?.under ?? []);
}

const isBlog = ({ status, body }: Curled): boolean => status === 200 && body.includes('<html');

test(
  'network: trusted: everybody is free, after a warning that says what that means; never on a public address',
  { skip },
  async (context) => {
    const here = await scene(context);
    if (here === null) return;
    const { other, folder, blog, http } = here;
    const listen = (...hosts: string[]) => `listen: [${hosts.map((host) => `http://${host}:${http}`).join(', ')}]`;
    await assert.rejects(startWritten(context, { folder, text: `${listen('8.8.8.8')}\nnetwork: trusted\n${blog}` }), {
      code: 'config-unsafe',
    });
    const gateway = await startWritten(context, { folder, text: `${listen('127.0.0.1', other.ours)}\nnetwork: trusted\n${blog}` });
    const warning = gateway.events.find((event) => event.event === 'warning' && event.code === 'network-trusted');
    assert.ok(warning?.event === 'warning');
    assert.match(warning.message, /anyone who reaches this machine can do anything with blog: read, change and delete/);
    assert.ok(isBlog(await visitor(gateway, null)(`http://127.0.0.1:${http}/`)));
    assert.ok(isBlog(await visitor(gateway, other)(`http://${other.ours}:${http}/`)));
  },
);

test('network: shared: a password for others, none for who is on this machine by every part of its meaning', { skip }, async (context) => {
  const here = await scene(context);
  if (here === null) return;
  const { other, folder, blog, https, http: everywhere } = here;
  const text = `listen: ['https://127.0.0.1:${https}', 'https://${other.ours}:${https}', 'https://0.0.0.0:${everywhere}']\nnetwork: shared\n${blog}`;
  await assert.rejects(startWritten(context, { folder, text }), { code: 'user-missing' });
  await assert.rejects(startWritten(context, { folder, text: text.replaceAll('https://', 'http://'), users: ['ana'] }), {
    code: 'config-unsafe',
  });
  const gateway = await startWritten(context, { folder, text });
  const [local, remote] = [visitor(gateway, null), visitor(gateway, other)];
  const [home, away] = [`https://127.0.0.1:${https}/`, `https://${other.ours}:${https}/`];
  assert.ok(isBlog(await local(home)));
  // The article: by this machine's own address a password is asked for.
  assert.equal((await local(away)).status, 401);
  assert.equal((await remote(away)).status, 401);
  assert.ok(isBlog(await remote(away, ...password)));
  // Whatever name they say; and who comes to an address that others reach, from wherever.
  for (const visit of [local, remote]) assert.equal((await visit(away, '-H', 'Host: localhost')).status, 401);
  assert.equal((await local(`https://127.0.0.1:${everywhere}/`)).status, 401);
  for (const words of [
    ['-H', 'Forwarded: for=127.0.0.1'],
    ['-H', 'X-Forwarded-For: 127.0.0.1'],
    ['-H', 'x_forwarded_proto: https'],
    ['-H', 'Via: 1.1 proxy'],
    ['-H', 'Sec-Fetch-Site: cross-site'],
    ['-H', 'Sec-Fetch-Site: same-site'],
    ['-H', 'Origin: https://evil.example'],
    ['-H', 'Host: evil.example'],
  ])
    assert.equal((await local(home, ...words)).status, 401, words.join(' '));
  assert.ok(isBlog(await local(home, '-H', 'Sec-Fetch-Site: none')));
});

test('network: shared: plain HTTP beyond this machine only when it is forced, and that is said', { skip }, async (context) => {
  const here = await scene(context);
  if (here === null) return;
  const { other, folder, blog, http } = here;
  const text = `listen: 'http://${other.ours}:${http}'\nnetwork: shared\nplainhttp: allow\n${blog}`;
  const gateway = await startWritten(context, { folder, text, users: ['ana'] });
  assert.ok(
    gateway.events.some((event) => event.event === 'warning' && event.code === 'http-plain' && event.message.includes('can be read')),
  );
  const remote = visitor(gateway, other);
  assert.equal((await remote(`http://${other.ours}:${http}/`)).status, 401);
});

test(
  'network: hostile: a password for everybody over HTTPS, one face for every path, and plain HTTP only sends on',
  { skip },
  async (context) => {
    const here = await scene(context);
    if (here === null) return;
    const { other, folder, blog, https, http } = here;
    const doors = [`https://${other.ours}:${https}`, `https://127.0.0.1:${https}`, `http://${other.ours}:${http}`];
    const listen = `listen: [${doors.map((door) => `'${door}'`).join(', ')}]\n`;
    await assert.rejects(startWritten(context, { folder, text: listen + blog }), { code: 'user-missing' });
    const gateway = await startWritten(context, { folder, text: listen + blog, users: ['ana'] });
    const [local, remote] = [visitor(gateway, null), visitor(gateway, other)];
    const away = `https://${other.ours}:${https}`;
    // Its own certificate, with the address in it, and its fingerprint for the owner.
    const ready = await gateway.event(isReady);
    assert.deepEqual([ready.url, /^[0-9a-f]{64}$/.test(ready.fingerprint ?? ''), ready.ca], [away, true, gateway.ca]);
    assert.equal((await local(`https://127.0.0.1:${https}/`)).status, 401);
    assert.ok(isBlog(await remote(`${away}/`, ...password)));
    const faces = await Promise.all(['/', '/write', '/no/such/path'].map((path) => remote(away + path)));
    assert.deepEqual(new Set(faces.map(({ status, body }) => `${status} ${body}`)).size, 1);
    const sent = await remote(`http://${other.ours}:${http}/write?x=1`, '-H', 'Accept: text/html');
    assert.deepEqual([sent.status, sent.fields.get('location'), sent.body], [308, `${away}/write?x=1`, '']);
    assert.equal((await remote(`http://${other.ours}:${http}/`, ...password, '-d', 'title=x')).status, 403);
    // Not on this port, and not with a certificate that only we know.
    assert.equal(faces[0]?.fields.get('strict-transport-security'), undefined);
    await gateway.rewrite(`${listen}local: free\n${blog}`);
    assert.ok(isBlog(await local(`https://127.0.0.1:${https}/`)));
    assert.equal((await remote(`${away}/`)).status, 401);
  },
);
