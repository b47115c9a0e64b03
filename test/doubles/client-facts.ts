/** What the page of a client says of `partner`, who is in and has not agreed to the terms. */

import type { ClientFacts } from '../../src/core/pages/client-page.ts';

export const partnerFacts: ClientFacts = {
  name: 'partner',
  user: 'partner',
  place: { scheme: 'https', host: 'proxy.example.org', port: 8443 },
  suspended: false,
  why: null,
  terms: {
    version: '2026-11',
    hash: 'f'.repeat(64),
    text: '# Terms\n\nBe **kind**. Use `https`, and see [the text](https://example.org/).\n\n- one\n- two\n\n> quoted',
  },
  accepted: null,
  limits: {
    requestsPerSecond: 5,
    connections: null,
    tunnels: 3,
    bytesPerSecond: null,
    bytesPerDay: 2e9,
    bytesPerMonth: null,
    tunnelIdleMs: null,
    tunnelLifeMs: 3_600_000,
  },
  used: { dayBytes: 5e8, monthBytes: 0, dayEnds: 1_800_000_000_000, monthEnds: 0 },
  agreed: { uptime: 99.5, connectMs: 300, errors: null },
  measured: { uptime: 0.99871, connectMs: 91, errors: 0 },
  refused: [{ at: 1_800_000_000_000, destination: 'tracker.example:443', code: 'destination-denied' }],
  keys: ['partner'],
  overlapHours: 24,
};
