/** A process that records events as `NAME:0`, `NAME:1` … and ends: `log-writer.ts PATH NAME COUNT`. */

import { defaults } from '../../src/core/limits.ts';
import { openFileSink } from '../../src/modules/sinks/file.ts';

const [path = '', name = '', count = '0'] = process.argv.slice(2);
const log = await openFileSink({
  path,
  now: () => 0,
  limits: { ...defaults, logBytesMax: 60_000, logFilesMax: 50 },
  trouble: (error) => {
    if (error !== null) throw error;
  },
});
for (let index = 0; index < Number(count); index += 1) {
  log.record({
    time: '2026-11-21T10:00:00.000Z',
    id: `${name}:${index}`,
    service: null,
    listener: 'https://127.0.0.1:8443',
    visitor: '192.0.2.1',
    viaRelay: false,
    who: null,
    method: null,
    host: null,
    path: null,
    verdict: 'refuse',
    code: 'head-malformed',
    why: null,
    status: 400,
    bytesIn: 0,
    bytesOut: 0,
    durationMs: 0,
  });
  if (index % 7 === 0) await log.flush();
}
await log.close();
