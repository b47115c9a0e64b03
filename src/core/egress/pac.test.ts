/** The file for browsers, run as a browser would. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runInNewContext } from 'node:vm';
import { pacText } from './pac.ts';

function find(text: string, host: string): unknown {
  const shExpMatch = (value: string, pattern: string): boolean =>
    new RegExp(`^${pattern.replaceAll('.', String.raw`\.`).replaceAll('*', '.*')}$`).test(value);
  const isPlainHostName = (name: string): boolean => !name.includes('.') && !name.includes(':');
  return runInNewContext(`${text}\nFindProxyForURL(${JSON.stringify(`http://${host}/`)}, ${JSON.stringify(host)})`, {
    shExpMatch,
    isPlainHostName,
  });
}

describe('a PAC file', () => {
  const way = 'HTTPS proxy.example.org:8443';

  it('leads everything public by the proxy, and nothing inner, and nothing past it', () => {
    const text = pacText(way, 'proxy.example.org', null);
    for (const host of ['a.example', 'EXAMPLE.org', '93.184.215.14', '10.example.org', '2606:2800::1'])
      assert.equal(find(text, host), way, host);
    for (const host of [
      'localhost',
      'printer',
      'nas.local',
      'x.internal',
      '10.1.2.3',
      '127.0.0.1',
      '192.168.1.1',
      '172.20.0.1',
      '169.254.169.254',
      '::1',
      'fd00::1',
      'proxy.example.org',
    ])
      assert.equal(find(text, host), 'DIRECT', host);
    assert.equal(find(text, '172.32.0.1'), way);
  });

  it('leads what is listed, and nothing else', () => {
    const text = pacText(way, 'proxy.example.org', ['git.example.org', '*.partner.example']);
    assert.equal(find(text, 'git.example.org'), way);
    assert.equal(find(text, 'a.partner.example'), way);
    assert.equal(find(text, 'partner.example'), 'DIRECT');
    assert.equal(find(text, 'x.example.net'), 'DIRECT');
    assert.equal(find(pacText(way, 'x', ['*', 'a.example']), 'b.example'), way);
  });

  it('no host is anything but text', () => {
    assert.equal(find(pacText(way, '"; throw 1; "', ['"+alert(1)+"']), 'a.example'), 'DIRECT');
  });
});
