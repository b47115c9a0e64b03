/** A relay for the memory test, in a process of its own: fills a thousand streams as far as it is let. */

import tls from 'node:tls';
import { defaults } from '../../src/core/limits.ts';
import { Carrier } from '../../src/dataplane/carrier.ts';
import { opening, pour } from './line.ts';

const [port = '', streams = '', pieceBytes = ''] = process.argv.slice(2);

const socket = tls.connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false });
const carrier: Carrier = new Carrier({
  socket,
  side: 'relay',
  limits: defaults,
  taker: {
    message: (type) => {
      if (type !== 'hello') return void fill();
      carrier.message('accepted', {});
      carrier.begin({ window: carrier.limits.window, streams: defaults.carrierStreamsMax });
    },
    open: () => undefined,
    goaway: () => undefined,
    end: () => process.exit(),
  },
});

async function fill(): Promise<void> {
  for (let left = Number(streams); left > 0;) {
    const stream = carrier.open(opening);
    // A relay opens a thousand a second at most.
    if (stream === null) await new Promise((resolve) => void setTimeout(resolve, 50));
    else {
      left -= 1;
      pour(stream, Number.MAX_SAFE_INTEGER, Number(pieceBytes));
    }
  }
}

process.on('message', (word) => {
  if (word === 'memory') process.send?.(process.memoryUsage().arrayBuffers);
});
process.on('disconnect', () => process.exit());
