/**
 * Runs in a network namespace of its own, in which every address there is belongs to this machine: whatever the proxy dials is seen
 * at a socket. Asks a gateway for each destination of the corpora, and says which addresses were reached, as JSON.
 */

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { addressServer } from '../doubles/address-server.ts';
import { answersOf, ownPublicIp, type NamedCase } from '../doubles/ssrf-answers.ts';
import { freePort } from './free-port.ts';
import { goodPassword, isReady, ownFolder, startWritten } from './written-gateway.ts';

const ends: (() => unknown)[] = [];
const context = { after: (done: () => unknown) => void ends.unshift(done) } as Parameters<typeof ownFolder>[0];
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(`../vectors/${file}`, import.meta.url), 'utf8'));

for (const words of [
  ...['link set lo up', `addr add ${ownPublicIp}/24 dev lo`],
  ...['route add local 0.0.0.0/0 dev lo', '-6 route add local ::/0 dev lo'],
])
  execFileSync('ip', words.split(' '), { stdio: 'inherit' });

const reached: string[] = [];
for (const port of [80, 443]) {
  const server = createServer((socket) => {
    reached.push(`${socket.localAddress?.replace(/^::ffff:/, '') ?? ''} ${port}`);
    socket.on('error', () => undefined).destroy();
  }).listen(port, '::');
  await once(server, 'listening');
  ends.push(() => server.close());
}

const names = await addressServer({ after: (done) => void ends.unshift(done) });
const cases = (read('ssrf-dns.json') as readonly NamedCase[]).filter(({ http }) => http === undefined);
for (const each of cases) names.says.set(`${each.name}.example.org`, answersOf(each));
const hosts = (read('ssrf-hosts.json') as readonly { host: string }[]).map(({ host }) => host);

const port = await freePort();
const text = (destinations: string): string => `limits: { resolverMs: 100 }
services:
  out: { proxy: { listen: "http://127.0.0.1:${port}", socks5: true }, access: [{ password: {} }], destinations: { resolver: ["${names.address}"]${destinations} } }
`;
const gateway = await startWritten(context, { folder: await ownFolder(context), users: ['ana'], text: text('') });
await gateway.event(isReady);
const basic = `Proxy-Authorization: Basic ${Buffer.from(`ana:${goodPassword}`).toString('base64')}`;

/** The status of the answer, or the SOCKS reply. */
async function asked(bytes: string | Uint8Array, from: number): Promise<string> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  let said = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    said = Buffer.concat([said, chunk]);
    if (said.length >= from + 4) socket.destroy();
  });
  socket.write(bytes);
  await new Promise((closed) => socket.once('close', closed));
  return from === 0 ? said.toString('latin1') : String(said[from + 1]);
}

const counted = (word: string): readonly number[] => [Buffer.byteLength(word), ...Buffer.from(word)];
const login = [5, 1, 2, 1, ...counted('ana'), ...counted(goodPassword)];

async function go(host: string): Promise<void> {
  await asked(`CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n${basic}\r\n\r\n`, 0);
  await asked(`GET http://${host}/ HTTP/1.1\r\nHost: x\r\n${basic}\r\nConnection: close\r\n\r\n`, 0);
  const name = host.replace(/^\[|\]$/g, '');
  if (Buffer.byteLength(name) < 256) await asked(Uint8Array.from([...login, 5, 1, 0, 3, ...counted(name), 1, 187]), 4);
}

// No list, and one that allows all names and the whole Internet in both versions, and refuses nobody.
const lists = ['', ', allow: ["*:*", "0.0.0.0/0:*", "[::/0]:*"], mode: watch'];
const found: string[][] = [];
for (const list of lists) {
  await gateway.rewrite(text(list));
  for (const host of hosts) await go(host);
  // Twice, since a name may lead elsewhere the second time: what was remembered is as old as it may be.
  await Promise.all(cases.map(({ name }) => go(`${name}.example.org`)));
  if (list === '') await new Promise((later) => setTimeout(later, 1_050));
  await Promise.all(cases.map(({ name }) => go(`${name}.example.org`)));
  found.push(reached.splice(0));
}
console.log(JSON.stringify({ found, asked: hosts.length * 3 + cases.length * 6 }));
for (const end of ends) await end();
