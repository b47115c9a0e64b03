/** An event of the record: the client `partner` opened a tunnel. */

import type { AuditEvent } from '../../src/core/audit/event.ts';

export const partnerEvent: AuditEvent = {
  time: '2027-01-15T08:00:00.000Z',
  id: 'x',
  service: 'out',
  listener: 'https://test',
  visitor: '192.0.2.7',
  viaRelay: false,
  who: 'key:partner',
  method: 'CONNECT',
  host: 'www.example.org:443',
  path: null,
  verdict: 'pass',
  code: null,
  why: null,
  status: 200,
  bytesIn: 10,
  bytesOut: 100,
  durationMs: 5,
};
