/** A service that answers each request with its own id and checksum, in a process that can be killed: `checked-service.ts PORT`. */

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const seen = new Set<string>();
const server = createServer((request, response) => {
  const hash = createHash('sha256');
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  request.on('end', () => {
    const id = request.url ?? '';
    // A request that changes something must never come twice.
    if (request.method === 'POST' && seen.has(id)) process.stdout.write(`${JSON.stringify({ twice: id })}\n`);
    seen.add(id);
    const sha256 = hash.digest('hex');
    // Answers of different lengths, so that one in another's place is seen by its framing as well.
    response.end(JSON.stringify({ id, bytes, sha256, filler: 'x'.repeat(bytes % 3_001) }));
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => process.stdout.write(`${JSON.stringify({ listening: true })}\n`));
