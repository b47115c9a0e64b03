/** The relay is blind: a secret that a visitor sends and is sent is in nothing that the relay received, holds or wrote. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { curl, withoutCurl } from './curl.ts';
import { text } from './lines.ts';
import { invitation, joinedHome, relayProgram, share } from './machines.ts';
import { searchMemory, withoutMemory } from './memory-search.ts';
import { freshHome } from './program.ts';
import { startRecorder } from './recorder.ts';

type Context = Parameters<typeof freshHome>[0];

/** Everything in a directory, sockets left out. */
async function contentOf(home: string): Promise<Buffer> {
  const entries = await readdir(home, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Buffer.concat(await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name)))));
}

/** Answers with a secret, and only when it is told to: until then the exchange runs and everybody holds its bytes. */
async function slowService(context: Context, secret: string) {
  const waiting: ServerResponse[] = [];
  let arrived = (): void => undefined;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'X-Answer': secret }).write(`first half: ${secret}\n`);
      waiting.push(response);
      arrived();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    reached: new Promise<void>((resolve) => (arrived = resolve)),
    finish: () => waiting.forEach((response) => response.end(`second half: ${secret}\n`)),
  };
}

test(
  'a planted secret is in no byte that the relay received, in none that it wrote, and nowhere in its memory',
  { skip: withoutCurl },
  async (context) => {
    const [body, field, answer, path] = Array.from({ length: 4 }, () => randomBytes(32).toString('hex')) as [
      string,
      string,
      string,
      string,
    ];
    const secrets = [body, field, answer, path].map((secret) => Buffer.from(secret));
    const service = await slowService(context, answer);
    // Everything between visitors, gateway and relay goes over this line: visitors' connections, the carrier, the joining.
    const line: { port: number } = { port: 0 };
    const recorder = await startRecorder(context, () => line.port);
    const relay = await relayProgram(context, { words: ['--address', `127.0.0.1:${recorder.port}`] });
    line.port = relay.port;
    const code = await invitation(context, relay, 'blog');
    const home = await joinedHome(context, code);
    const { program, ready, curlWords, url } = await share(context, service.port, ['--name', 'blog', '--public'], { home });
    assert.equal(url, `https://blog.example.test:${recorder.port}`);

    const visit = curl([...curlWords, '-H', `X-Secret: ${field}`, '-d', `text=${body}`, `${url}/orders/${path}`]);
    await service.reached;
    if (withoutMemory === false) {
      const relayMemory = searchMemory(relay.pid, secrets);
      const gatewayMemory = searchMemory(program.pid, secrets);
      assert.ok(relayMemory.bytes > 20_000_000, `only ${relayMemory.bytes} bytes of memory were read`);
      assert.deepEqual(relayMemory.found, [0, 0, 0, 0]);
      // The same search finds them where they may be.
      for (const [index, count] of gatewayMemory.found.entries()) assert.ok(count > 0, `secret ${index} is not in the gateway either`);
    } else context.diagnostic(withoutMemory);
    service.finish();
    const got = await visit;
    assert.deepEqual([got.status, got.fields.get('x-answer')], [200, answer]);
    assert.equal(got.body, `first half: ${answer}\nsecond half: ${answer}\n`);

    // What they still had to write is written when they have ended.
    await Promise.all([program.stop(), relay.program.stop()]);
    const written = Buffer.concat([await contentOf(relay.home), Buffer.from(relay.program.stderr() + JSON.stringify(relay.program.lines))]);
    assert.ok(recorder.connections() >= 4 && recorder.bytes() > 10_000);
    for (const secret of secrets) {
      assert.equal(recorder.count(secret), 0);
      assert.equal(written.indexOf(secret), -1);
    }
    // So that both searches can fail: the name of the hello goes by in the clear, and the log has it.
    const name = Buffer.from('blog.example.test');
    assert.ok(recorder.count(name) > 0 && written.indexOf(name) >= 0);
    assert.ok((await contentOf(home)).includes(Buffer.from(`/orders/${path}`)), 'the gateway’s own log has the path');
    // The invitation's secret is spent and hashed: the relay's home does not have it either.
    assert.equal(written.indexOf(code.split('~').at(-1)!), -1);
    assert.equal(recorder.count(Buffer.from(code.split('~').at(-1)!)), 0);
    assert.equal(text(ready, 'reach'), 'machine');
  },
);
