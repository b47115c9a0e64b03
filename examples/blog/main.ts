/** A small blog for this machine only, with no password of its own: the kind of thing that Sallyport is for. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createBlog } from './blog.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '4334' }, data: { type: 'string' } } });
if (values.data !== undefined) mkdirSync(values.data, { recursive: true, mode: 0o700 });

const blog = createBlog(values.data === undefined ? ':memory:' : join(values.data, 'blog.sqlite'));
blog.server.on('error', (error) => {
  process.stderr.write(`The blog cannot listen on port ${values.port}: ${error.message}. Choose another with --port.\n`);
  process.exitCode = 1;
});
blog.server.listen(Number(values.port), '127.0.0.1', () => {
  const address = blog.server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`http://127.0.0.1:${address.port}/\n`);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => blog.close());
// Started by a program with a channel (`sallyport example`), it goes when that one goes.
process.once('disconnect', () => blog.close());
process.channel?.unref();
