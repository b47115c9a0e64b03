/** Every guard of the registry against the suite that all must hold. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { bearer } from '../../src/modules/guards/bearer.ts';
import { client } from '../../src/modules/guards/client.ts';
import { email } from '../../src/modules/guards/email.ts';
import { firewall } from '../../src/modules/guards/firewall.ts';
import { forwardAuth } from '../../src/modules/guards/forward-auth.ts';
import { ip } from '../../src/modules/guards/ip.ts';
import { key } from '../../src/modules/guards/key.ts';
import { link } from '../../src/modules/guards/link.ts';
import { login } from '../../src/modules/guards/login.ts';
import { mtls } from '../../src/modules/guards/mtls.ts';
import { oidc } from '../../src/modules/guards/oidc.ts';
import { passkey } from '../../src/modules/guards/passkey.ts';
import { password } from '../../src/modules/guards/password.ts';
import { pin } from '../../src/modules/guards/pin.ts';
import { publicGuard } from '../../src/modules/guards/public.ts';
import { quota } from '../../src/modules/guards/quota.ts';
import { rate } from '../../src/modules/guards/rate.ts';
import { size } from '../../src/modules/guards/size.ts';
import { totp } from '../../src/modules/guards/totp.ts';
import { webhook } from '../../src/modules/guards/webhook.ts';
import { guards } from '../../src/registry.ts';
import { authority } from '../doubles/client-pki.ts';
import { audience, issuerUrl, testIssuer } from '../doubles/issuer.ts';
import { goodPassword } from '../doubles/tools.ts';
import { guardConformance, type GuardCase } from './guard.ts';

const webhookSecret = 'a-webhook-secret-of-some-length';
const hook = (kind: string): GuardCase => ({
  guard: webhook,
  options: { path: '/hooks/build', kind, secret: 'build' },
  prepare: async (tools) => {
    tools.secrets.set('build', new TextEncoder().encode(webhookSecret));
    return [webhookSecret];
  },
});

const folder = mkdtempSync(join(tmpdir(), 'guards-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const cases: readonly GuardCase[] = [
  {
    guard: mtls,
    options: { ca: join(folder, 'root.pem') },
    prepare: async () => {
      writeFileSync(join(folder, 'root.pem'), (await authority('Root', { toDays: 365 })).cert);
      return [];
    },
  },
  { guard: publicGuard, options: {} },
  { guard: ip, options: ['192.0.2.0/24', '2001:db8::/32'] },
  { guard: password, options: { users: ['ana'] }, prepare: async () => [goodPassword] },
  {
    guard: link,
    options: {},
    prepare: async (tools) => [(await tools.people.links.create({ service: 'blog', expires: null })).secret],
  },
  { guard: email, options: { allow: ['ana@example.org', '*@example.net'] } },
  {
    guard: pin,
    options: { roles: ['guest'] },
    prepare: async (tools) => {
      await tools.people.pins.set('blog', '48219930');
      return ['48219930'];
    },
  },
  {
    guard: key,
    options: {},
    prepare: async (tools) => [(await tools.people.keys.create({ name: 'ci' })).secret],
  },
  {
    guard: bearer,
    options: { issuer: issuerUrl, audience, introspect: { client: 'gateway', secret: 'login' } },
    prepare: async (tools) => {
      testIssuer(tools);
      tools.secrets.set('login', new TextEncoder().encode('a-secret-for-the-issuer'));
      return ['a-secret-for-the-issuer'];
    },
  },
  {
    guard: passkey,
    options: { users: ['ana'] },
    prepare: async ({ people }) => [(await people.logins.passkeys.invite({ user: 'ana', service: 'blog', label: null })).secret],
  },
  {
    guard: totp,
    options: { users: ['ana'] },
    prepare: async ({ people }) => {
      const secret = people.logins.codes.newSecret();
      return [Buffer.from(secret).toString('base64'), ...(await people.logins.codes.enrol('ana', secret))];
    },
  },
  {
    guard: oidc,
    options: { issuer: issuerUrl, client: 'gateway', secret: 'login', everyone: true },
    prepare: async (tools) => {
      testIssuer(tools);
      tools.secrets.set('login', new TextEncoder().encode('a-secret-for-the-provider'));
      return ['a-secret-for-the-provider'];
    },
  },
  { guard: forwardAuth, options: { url: 'https://auth.example.test/verify', redirects: ['auth.example.test'] } },
  { guard: login, options: { service: 'web', for: '2h' } },
  { guard: firewall, options: 'on' },
  { guard: client, options: { terms: null, agreed: null } },
  { guard: client, options: { terms: { version: '3', hash: 'a'.repeat(64), text: '# Terms' }, agreed: null } },
  { guard: quota, options: { bandwidth: 1_000_000, zone: 'Europe/Berlin' } },
  { guard: size, options: 1_000 },
  { guard: rate, options: { count: 1, perMs: 60_000 } },
  hook('secret'),
  hook('github'),
  hook('stripe'),
  hook('hmac'),
];

for (const each of cases) guardConformance(each);

test('every guard of the registry is held to the suite', () => {
  const held = new Set(cases.map((each) => each.guard.name));
  assert.deepEqual(
    [...guards.keys()].filter((name) => !held.has(name)),
    [],
  );
});
