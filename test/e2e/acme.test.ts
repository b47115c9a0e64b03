/** Certificates of a real authority in running gateways: through the blind relay, over a kill -9, and renewed under load. */

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { callControl } from '../../src/controlplane/api/call.ts';
import type { GatewayEvent } from '../../src/controlplane/config/running.ts';
import { homeAt } from '../../src/controlplane/home.ts';
import { noPebble, startPebble } from '../acme/pebble.ts';
import { freePort } from './free-port.ts';
import { invitation, joinedHome, relayInside } from './machines.ts';
import { freshHome, run, runToEnd } from './program.ts';
import { startService } from './service.ts';
import { ownFolder, startWritten } from './written-gateway.ts';

type Seen = Readonly<{ status: number; serial: string }>;

/** One request over a connection of its own; only the authority's root is trusted. */
function visit(host: string, port: number, ca: string): Promise<Seen> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, servername: host, headers: { Host: `${host}:${port}` }, ca, agent: false }, (response) => {
      const serial = new X509Certificate((response.socket as TLSSocket).getPeerCertificate().raw).serialNumber;
      response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, serial }));
    })
      .on('error', reject)
      .end();
  });
}

test(
  'TLS-ALPN-01 through the blind relay, and a kill -9 in the middle of the order: it goes on, with one account',
  { skip: noPebble, timeout: 60_000 },
  async (context) => {
    const service = await startService(context);
    const relay = await relayInside(context);
    const pebble = await startPebble({ tlsPort: relay.port });
    context.after(() => pebble.close());
    const home = await joinedHome(context, await invitation(context, relay, 'blog'));
    const config = join(await freshHome(context), 'sallyport.yaml');
    await writeFile(
      config,
      [
        `acme: { agree: true, directory: '${pebble.directory}', ca: ${pebble.caPath}, challenge: tls-alpn-01 }`,
        `services: { blog: { to: ${service.port}, access: [public] } }`,
        'limits: { acmeLeaseMs: 900 }',
      ].join('\n'),
    );
    const first = run(context, ['up', '--config', config], { home });
    while (!pebble.log().includes('Added order')) await new Promise((resolve) => setTimeout(resolve, 5));
    first.child.kill('SIGKILL');
    await first.exited;
    assert.equal(
      first.lines.some(({ event }) => event === 'certificate'),
      false,
      'it was killed too late to show anything',
    );

    const second = run(context, ['up', '--config', config], { home });
    const line = await second.line('certificate');
    assert.deepEqual([line['name'], line['change']], ['blog.example.test', 'ordered']);
    assert.equal((await visit('blog.example.test', relay.port, await pebble.root())).status, 200);
    assert.match(pebble.log(), /There are now 1 accounts in memory/);
    assert.doesNotMatch(pebble.log(), /There are now 2 accounts in memory/);
    assert.equal(await second.stop(), 0);
  },
);

test(
  'a certificate is ordered at an address of our own, and renewed under load without a failed request',
  { skip: noPebble },
  async (context) => {
    const [httpPort, tlsPort] = [await freePort(), await freePort()];
    const pebble = await startPebble({ httpPort, tlsPort });
    context.after(() => pebble.close());
    const service = await startService(context);
    const folder = await ownFolder(context);
    const text = [
      `listen: [https://127.0.0.1:${tlsPort}, http://127.0.0.1:${httpPort}]`,
      `acme: { agree: true, directory: '${pebble.directory}', ca: ${pebble.caPath}, challenge: http-01 }`,
      `services: { blog: { at: blog.example.org, to: ${service.port}, access: [public] } }`,
    ].join('\n');
    const gateway = await startWritten(context, { folder, text });
    const isCertificate = (event: GatewayEvent): event is Extract<GatewayEvent, { event: 'certificate' }> => event.event === 'certificate';
    assert.equal((await gateway.event(isCertificate)).change, 'ordered');
    const root = await pebble.root();
    const before = await visit('blog.example.org', tlsPort, root);
    assert.equal(before.status, 200);

    const load: Seen[] = [];
    const running = { on: true };
    const visitors = Array.from({ length: 8 }, async () => {
      for (; running.on; await new Promise((resolve) => setTimeout(resolve, 10))) load.push(await visit('blog.example.org', tlsPort, root));
    });
    const home = homeAt(join(folder, 'home'));
    const [answer] = await callControl(home, 'renew', { name: 'blog.example.org' });
    assert.equal(answer?.is, 'answer', JSON.stringify(answer));
    const renewed = await gateway.event(
      (event): event is Extract<GatewayEvent, { event: 'certificate' }> => isCertificate(event) && event.change === 'renewed',
    );
    assert.equal(renewed.name, 'blog.example.org');
    while (load.at(-1)?.serial === before.serial) await new Promise((resolve) => setTimeout(resolve, 5));
    running.on = false;
    await Promise.all(visitors);
    assert.deepEqual([...new Set(load.map(({ status }) => status))], [200]);
    assert.equal(new Set(load.map(({ serial }) => serial)).size, 2);

    await writeFile(join(folder, 'sallyport.yaml'), text);
    const words = ['doctor', '--config', join(folder, 'sallyport.yaml'), '--dns', pebble.dns.address];
    const [doctor, list] = await Promise.all([words, ['certificates', 'list']].map((each) => runToEnd(context, each, { home: home.path })));
    assert.equal(doctor?.code, 0, JSON.stringify(doctor?.lines));
    const [caa] = doctor?.lines.filter(({ check }) => check === 'CAA of blog.example.org') ?? [];
    assert.equal(caa?.['state'], 'warning');
    assert.match(String(caa?.['hint']), /^blog\.example\.org\. IN CAA 0 issue ".+; accounturi=https:\/\/.+; validationmethods=http-01"$/m);
    assert.deepEqual([list?.lines.length, list?.lines[0]?.['name'], list?.lines[0]?.['change']], [1, 'blog.example.org', null]);
    context.diagnostic(`${load.length} requests on connections of their own while it was renewed, none failed`);
  },
);
