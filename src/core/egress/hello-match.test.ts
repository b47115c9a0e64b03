import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { connect } from 'node:tls';
import { defaults } from '../limits.ts';
import { readDestination } from './destination.ts';
import { HelloMatch } from './hello-match.ts';

/** The first bytes of a real client. */
async function helloFor(servername: string | null): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect({ host: '127.0.0.1', port, ...(servername === null ? {} : { servername }) });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  client.destroy();
  server.close();
  return bytes;
}

function matchOf(host: string): HelloMatch {
  const to = readDestination('connect', 'CONNECT', host, 443);
  assert.ok(!('code' in to));
  return new HelloMatch(to, defaults);
}

describe('domain fronting through a tunnel', () => {
  it('the hello of the host that was asked for passes, at every split', async () => {
    const hello = await helloFor('www.example.org');
    for (const size of [1, 7, hello.length]) {
      const match = matchOf('WWW.example.org.');
      const found = new Set<unknown>();
      for (let at = 0; at < hello.length; at += size) found.add(match.push(hello.subarray(at, at + size)));
      assert.ok(found.has('passed'));
      assert.deepEqual([...found], size === hello.length ? ['passed'] : ['more', 'passed']);
    }
  });

  it('another name, no name and no TLS do not', async () => {
    for (const bytes of [
      await helloFor('evil.example.net'),
      await helloFor(null),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from('SSH-2.0-x\r\n'),
    ]) {
      const found = matchOf('www.example.org').push(bytes);
      assert.ok(typeof found === 'object' && found.code === 'destination-mismatched');
    }
  });

  it('an address is matched by a hello that names nobody', async () => {
    assert.equal(matchOf('192.0.2.7').push(await helloFor(null)), 'passed');
    assert.equal(typeof matchOf('192.0.2.7').push(await helloFor('www.example.org')), 'object');
  });
});
