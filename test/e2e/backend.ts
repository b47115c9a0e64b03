/** A backend in a process of its own, to be killed and stopped: says its name to everybody, on the port or socket that it is given. */

import { createServer } from 'node:http';

const [, , name = '', where = ''] = process.argv;

const server = createServer((request, response) => {
  request.resume();
  const delay = Number(new URL(request.url ?? '/', 'http://backend').searchParams.get('ms') ?? 0);
  setTimeout(() => response.end(name), delay);
});
server.keepAliveTimeout = 60_000;
server.listen(/^\d+$/.test(where) ? { host: '127.0.0.1', port: Number(where) } : { path: where }, () => {
  const address = server.address();
  process.stdout.write(`${address !== null && typeof address === 'object' ? address.port : where}\n`);
});
