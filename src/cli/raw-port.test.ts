/** Shares at a raw port: what their flags may say, and what is said of them. */

import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { checkedRelayPort, rawPortAccess } from './raw-port.ts';
import { rawLines, reachingLines, reachWords } from './words.ts';

test('who may come in must be said, and can be everyone or some addresses', () => {
  deepEqual(rawPortAccess({ public: true }, 'tcp').isPublic, true);
  deepEqual(rawPortAccess({ allow: ['192.0.2.0/24'] }, 'udp').allow, ['192.0.2.0/24']);
  for (const options of [{}, { public: true, link: true }, { password: ['ana'] }, { key: ['build'] }])
    throws(() => rawPortAccess(options, 'tcp'), { code: 'usage-wrong', hint: /Or leave out --port: visitors come by `sallyport connect`/ });
  throws(() => rawPortAccess({}, 'udp'), { code: 'usage-wrong', hint: /^Say --public .*192\.0\.2\.0\/24\.$/ });
  throws(() => rawPortAccess({ public: true, lan: true }, 'tcp'), { code: 'usage-wrong', message: /--lan goes without one/ });
  throws(() => rawPortAccess({ public: true, at: 'a.example.org' }, 'tcp'), { code: 'usage-wrong', message: /has no name/ });
});

test('the port is one', () => {
  equal(checkedRelayPort('2222'), 2222);
  for (const text of ['0', '65536', '22 ', '2222-2230', '']) throws(() => checkedRelayPort(text), { code: 'port-malformed' });
});

test('its address is shown with who can read there, and with no command of ours', () => {
  const raw = { url: 'tcp://relay.example.org:2222', ca: null, reach: 'internet', hint: 'the relay can read', raw: true } as const;
  deepEqual([rawLines(raw), reachingLines(raw), reachWords(raw)], [['the relay can read'], [], 'the Internet']);
  equal(reachWords({ ...raw, reach: 'network' }), 'this network');
  equal(reachWords({ ...raw, reach: 'machine' }), 'this machine only');
  const connected = { url: 'tcp://ssh.example.org:443', ca: null, reach: 'internet', hint: null } as const;
  deepEqual([rawLines(connected), reachingLines(connected)], [[], ['sallyport connect ssh.example.org:443']]);
});
