/** One spelling of a port, and no other. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalHost } from './http/host.ts';
import { portName, readPortName } from './port-name.ts';

test('a port has one spelling, and no name of the DNS is one', () => {
  deepEqual(readPortName('tcp/2222'), { transport: 'tcp', port: 2222 });
  deepEqual(readPortName(portName({ transport: 'udp', port: 65_535 })), { transport: 'udp', port: 65_535 });
  for (const text of ['tcp/0', 'tcp/02222', 'tcp/65536', 'TCP/22', 'tcp/22 ', 'tcp/', 'sctp/22', 'tcp/22/22', 'tcp:22', 'tcp/1e3', ''])
    equal(readPortName(text), null, text);
  equal(canonicalHost('tcp/2222'), null);
});
