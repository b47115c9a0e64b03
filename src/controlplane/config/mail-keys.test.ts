/** `mail:` of a configuration: read whole, and refused where a code could be read on the way. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mailKey, settleMail } from './mail-keys.ts';

const absolute = (path: string): string => `/etc/sallyport/${path}`;
const read = (given: unknown) => settleMail(mailKey().parse(given), absolute).mail;

test('a server is smtps:// or smtp:// with its usual port, and mail is sent over TLS unless the server is this machine', () => {
  const plan = read({ smtp: 'smtps://Mail.Example.org', from: 'Gate <Gate@Example.org>', user: 'gate', secret: 'mail', ca: 'ca.pem' });
  assert.deepEqual(plan, {
    host: 'mail.example.org',
    port: 465,
    security: 'tls',
    user: 'gate',
    secret: 'mail',
    from: 'gate@example.org',
    name: 'Gate',
    ca: '/etc/sallyport/ca.pem',
  });
  const starttls = read({ smtp: 'smtp://mail.example.org:2525', from: 'gate@example.org' });
  assert.deepEqual([starttls?.port, starttls?.security, starttls?.name, starttls?.secret], [2_525, 'starttls', null, null]);
  for (const host of ['localhost', '127.0.0.1', '[::1]'])
    assert.equal(read({ smtp: `smtp://${host}:25`, from: 'gate@example.org', starttls: 'off' })?.security, 'plain', host);
  assert.deepEqual(settleMail(undefined, absolute), {});
});

test('what could be read on the way, passwords in the file, and what could end a header are refused', () => {
  const good = { smtp: 'smtp://mail.example.org', from: 'gate@example.org' };
  for (const wrong of [
    { ...good, starttls: 'off' },
    { ...good, smtp: 'smtps://localhost', starttls: 'off' },
    { ...good, smtp: 'http://mail.example.org' },
    { ...good, smtp: 'smtp://gate:word@mail.example.org' },
    { ...good, smtp: 'smtp://mail.example.org:0' },
    { ...good, smtp: 'smtp://mail.example.org:65536' },
    { ...good, smtp: 'smtp://mail.example.org/x' },
    { ...good, from: 'gate' },
    { ...good, from: 'Gate\r\nBcc: x@example.org <gate@example.org>' },
    { ...good, from: '"Gate" <gate@example.org>' },
    { ...good, from: 'gate@example.org, x@example.org' },
    { ...good, user: 'gate' },
    { ...good, secret: 'mail' },
    { ...good, user: 'gate', secret: 'The Password' },
    { ...good, password: 'x' },
    { from: 'gate@example.org' },
    null,
  ])
    assert.equal(mailKey().safeParse(wrong).success, false, JSON.stringify(wrong));
});
