/** One spelling of a port, and no other. */

import { deepEqual, equal } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { canonicalHost } from './http/host.ts';
import { decodeOpening, encodeOpening } from './mux/opening.ts';
import { portName, readPortName } from './port-name.ts';

test('a port has one spelling, and no name of the DNS is one', () => {
  deepEqual(readPortName('tcp/2222'), { transport: 'tcp', port: 2222 });
  deepEqual(readPortName(portName({ transport: 'udp', port: 65_535 })), { transport: 'udp', port: 65_535 });
  for (const text of ['tcp/0', 'tcp/02222', 'tcp/65536', 'TCP/22', 'tcp/22 ', 'tcp/', 'sctp/22', 'tcp/22/22', 'tcp:22', 'tcp/1e3', ''])
    equal(readPortName(text), null, text);
  equal(canonicalHost('tcp/2222'), null);
});

test('an open at a port is what docs/wire-protocol.md says', () => {
  const page = readFileSync(new URL('../../docs/wire-protocol.md', import.meta.url), 'utf8');
  const [, hex = ''] = /```open-port\n([0-9a-f\s]+)```/.exec(page) ?? [];
  const payload = Buffer.from(hex.replaceAll(/\s/g, ''), 'hex').subarray(12);
  const opening = { id: '01J6', ip: '192.0.2.7', sni: 'tcp/2222', visitorPort: 50_001, listenerPort: 2_222, alpn: [] };
  deepEqual(decodeOpening(payload), opening);
  deepEqual(Buffer.from(encodeOpening(opening)), payload);
});
