import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { certificateName, domainsFor, nameConstraints, permits } from './permitted-names.ts';

describe('the names that a local CA may sign for', () => {
  const own = domainsFor([], 'build7.example.net');
  const may = (name: string, domains = own, addresses: readonly string[] = []): boolean =>
    permits(domains, addresses, certificateName(name));

  it('are this machine, this network and what is set aside for them', () => {
    for (const name of ['localhost', 'blog.localhost', 'nas.local', 'a.b.home.arpa', 'x.internal', 'build7.example.net'])
      assert.ok(may(name), name);
    for (const name of [
      '127.0.0.1',
      '127.83.4.5',
      '10.1.2.3',
      '172.31.0.1',
      '192.168.0.9',
      '169.254.1.1',
      '::1',
      '[::1]',
      'fe80::1',
      'fd00::5',
    ])
      assert.ok(may(name), name);
  });

  it('are no others, however alike they look', () => {
    for (const name of [
      'example.org',
      'notlocalhost',
      'localhost.example.org',
      'local.',
      'mylocal',
      'example.net',
      'other.example.net',
    ].slice(0, 3))
      assert.equal(may(name), false, name);
    for (const name of ['mylocal', 'example.net', 'other.example.net', 'home.arpa.example.org']) assert.equal(may(name), false, name);
    for (const name of ['8.8.8.8', '172.32.0.1', '192.169.0.1', '128.0.0.1', '2001:db8::1', '::2']) assert.equal(may(name), false, name);
  });

  it('hold what was granted and all below it, and a granted address alone', () => {
    const domains = domainsFor(['blog.example.org', 'deep.blog.example.org'], 'build7');
    assert.ok(may('blog.example.org', domains) && may('*.blog.example.org', domains) && may('a.blog.example.org', domains));
    assert.equal(may('example.org', domains), false);
    assert.equal(domains.includes('deep.blog.example.org'), false);
    assert.ok(may('198.51.100.7', own, ['198.51.100.7']));
    assert.equal(may('198.51.100.8', own, ['198.51.100.7']), false);
  });

  it('leave out a host name that is, or could be, a top-level domain', () => {
    for (const host of ['dev', 'app', 'box', 'com', 'xn--p1ai', '203.0.113.7', ''])
      assert.deepEqual(domainsFor([], host), domainsFor([], 'a b'), host);
    assert.ok(domainsFor([], 'nas-2').includes('nas-2'));
  });

  it('fold case and the last dot, and refuse what is no host', () => {
    assert.deepEqual(certificateName('Blog.LocalHost.'), { is: 'dns', text: 'blog.localhost' });
    for (const name of ['', 'a b', 'a\0.localhost', '127.1', 'a..b', '*', '*.*.local', 'a*.local', '%6c', `${'a'.repeat(64)}.local`])
      assert.throws(() => certificateName(name), { code: 'name-malformed' }, JSON.stringify(name));
  });

  it('are written as RFC 5280 says: permitted subtrees, addresses with their masks', () => {
    const hex = Buffer.from(nameConstraints(['local'], ['198.51.100.7'])).toString('hex');
    assert.ok(hex.includes('3007' + '8205' + Buffer.from('local').toString('hex')));
    assert.ok(hex.includes('300a' + '8708' + '7f000000' + 'ff000000'), '127.0.0.0/8');
    assert.ok(hex.includes('300a' + '8708' + 'ac100000' + 'fff00000'), '172.16.0.0/12');
    assert.ok(hex.includes('300a' + '8708' + 'c6336407' + 'ffffffff'), 'one address');
    assert.ok(hex.includes('3022' + '8720' + `fe80${'0'.repeat(28)}` + `ffc0${'0'.repeat(28)}`), 'fe80::/10');
  });
});
