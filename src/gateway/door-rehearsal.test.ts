/** What `policy test` and `explain` say of a port that a login opens. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parser } from '../cli/configuration.ts';
import { configOrThrow } from '../controlplane/config/parse.ts';
import { rehearse } from './rehearsal.ts';

const written = `
relay: relay.example.test
services:
  ssh: { to: "tcp://127.0.0.1:22", port: 2222, access: [{ login: { service: web, for: 2h, roles: [ops] } }] }
  game: { to: "udp://127.0.0.1:99", port: 5353, access: [{ login: { service: web, for: 2h } }, { ip: [192.0.2.0/24] }] }
  web: { to: 3000, access: [{ password: { users: [ana, ben] } }] }
`;

test('a port that a login opens: asked of strangers, open to whom it is for and who can sign in', async (context) => {
  const config = configOrThrow(parser.parse(written, '/x.yaml'), 'x');
  const people = new Map([
    ['ana', ['ops']],
    ['ben', []],
    ['cara', ['ops']],
  ]);
  const { answer, close } = await rehearse(config, { people, keys: new Map(), relay: 'ana.example.test', now: () => 1_800_000_000_000 });
  context.after(close);
  const asked = async (url: string, as: string | null, from = '198.51.100.7') => {
    const { service, verdict } = await answer({ url, method: 'GET', from, as });
    return [service, verdict];
  };
  assert.deepEqual(await asked('tcp://relay.example.test:2222', null), ['ssh', 'ask']);
  assert.deepEqual(await asked('tcp://relay.example.test:2222', 'ana'), ['ssh', 'admit']);
  assert.deepEqual(await asked('tcp://relay.example.test:2222', 'ben'), ['ssh', 'refuse'], 'without the role');
  assert.deepEqual(await asked('tcp://relay.example.test:2222', 'cara'), ['ssh', 'refuse'], 'who cannot sign in at web');
  assert.deepEqual(await asked('udp://relay.example.test:5353', 'ben'), ['game', 'admit']);
  assert.deepEqual(await asked('udp://relay.example.test:5353', null, '192.0.2.9'), ['game', 'admit'], 'by its address');
  assert.deepEqual(await asked('udp://relay.example.test:5354', 'ana'), [null, 'refuse']);
  const { steps } = await answer({ url: 'tcp://relay.example.test:2222', method: 'GET', from: '198.51.100.7', as: null });
  assert.match(
    steps.join('\n'),
    /an address that signed in at web within 2 h, of role ops \(by the relay's word\): no, nobody signed in at web from this address/,
  );
});
