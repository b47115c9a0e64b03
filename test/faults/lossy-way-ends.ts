/** What stands at the ends of a long way: `service` pours without end, `visitors` take all they get and count it. */

import { createServer } from 'node:http';
import { request } from 'node:https';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import process from 'node:process';

const [role = '', ...words] = process.argv.slice(2);
// Whoever started us is gone.
process.stdin.once('end', () => process.exit(0)).resume();
if (role === 'service') serve();
else visit();

function serve(): void {
  const chunk = Buffer.alloc(65_536, 7);
  const server = createServer((_request, response) => {
    const pour = (): void => {
      while (response.write(chunk));
    };
    response.on('drain', pour);
    pour();
  });
  server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
}

/** Says how many bytes each has, once a second, as a line of JSON. */
function visit(): void {
  const [count = '', url = '', address = '', ca = ''] = words;
  const { hostname, port, host } = new URL(url);
  const got = Array.from({ length: Number(count) }, () => 0);
  const options = { host: address, port, servername: hostname, ca: readFileSync(ca), agent: false, headers: { Host: host } };
  for (const index of got.keys()) {
    request(options, (response) => response.on('data', (bytes: Buffer) => (got[index] = (got[index] ?? 0) + bytes.length)))
      .on('error', (error) => {
        console.error(error);
        process.exit(1);
      })
      .end();
  }
  setInterval(() => console.log(JSON.stringify({ at: performance.now(), got })), 250);
}
