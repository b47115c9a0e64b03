/** The whole of `terminate: relay`, as an operator and an owner set it up: a person signs in through the relay's edge. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { edgeCertificate } from '../tunnel/edge.ts';
import { curl, withoutCurl } from './curl.ts';
import { text } from './lines.ts';
import { invitation, joinedHome } from './machines.ts';
import { freshHome, runInside, runToEnd } from './program.ts';
import { startService } from './service.ts';

test(
  'a person signs in at a relay that ends the TLS, and every side says that it does',
  { timeout: 60_000, skip: withoutCurl },
  async (context) => {
    const edge = await edgeCertificate();
    const { port: servicePort, seen } = await startService(context);
    const relayHome = await freshHome(context);
    const [certificate, key] = [join(relayHome, 'edge.pem'), join(relayHome, 'edge.key')];
    await writeFile(certificate, edge.certificate);
    await writeFile(key, edge.key, { mode: 0o600 });
    const file = join(relayHome, 'relay.yaml');
    await writeFile(
      file,
      `domain: example.test\nlisten: https://127.0.0.1:0\nterminate:\n  - { names: ['*.example.test'], certificate: edge.pem, key: edge.key }\n`,
    );
    const relay = runInside(context, ['relay', '--config', file], { home: relayHome });
    const listening = await relay.line('listening');
    assert.deepEqual(listening['terminates'], ['*.example.test']);
    const [address = ''] = listening['addresses'] as readonly string[];
    const port = Number(address.split(':').at(-1));

    const home = await joinedHome(context, await invitation(context, { home: relayHome }, 'blog'));
    const password = 'correct horse battery';
    await runToEnd(context, ['users', 'add', 'ana'], { home, env: { SALLYPORT_PASSWORD: password } });
    const config = join(home, 'sallyport.yaml');
    await writeFile(
      config,
      `relay: ${address}\nservices: { blog: { to: ${servicePort}, access: [{ password: {} }], terminate: relay } }\n`,
    );
    const gateway = runInside(context, ['up', '--config', config], { home });
    const ready = await gateway.line('ready');
    assert.deepEqual([ready['url'], ready['ca'], ready['fingerprint']], [`https://blog.example.test:${port}`, null, null]);
    assert.ok(gateway.lines.some(({ code }) => code === 'relay-reads'));

    const words = ['--cacert', edge.ca, '--resolve', `blog.example.test:${port}:127.0.0.1`];
    const url = text(ready, 'url');
    const page = await curl([...words, '-H', 'Accept: text/html', `${url}/private`]);
    assert.equal(page.status, 401, page.said);
    assert.match(page.body, /action="\/\.sallyport\/login"/);
    assert.equal(
      seen.some(({ url: asked }) => asked === '/private'),
      false,
    );
    const jar = join(home, 'jar');
    const form = ['--data-urlencode', 'user=ana', '--data-urlencode', `password=${password}`, '--data-urlencode', 'to=/private'];
    const signedIn = await curl([...words, '-c', jar, '-H', `Origin: ${url}`, ...form, `${url}/.sallyport/login`]);
    assert.deepEqual([signedIn.status, signedIn.fields.get('location')], [303, '/private'], signedIn.said);
    assert.equal((await curl([...words, '-b', jar, `${url}/private`])).status, 200);
    assert.equal(
      seen.at(-1)?.headers.some((value) => value.includes('sallyport-session')),
      false,
    );

    const { lines } = await runToEnd(context, ['status'], { home });
    const [service] = lines[0]?.['services'] as readonly Readonly<{ risks: readonly string[] }>[];
    assert.ok(service?.risks.includes('relay-reads'));
    const ofRelay = await runToEnd(context, ['status'], { home: relayHome });
    assert.deepEqual(ofRelay.lines[0]?.['terminates'], ['blog.example.test']);
  },
);
