/** A name server on loopback, over UDP, that says of each name what a test wants: TXT records, that there is none, or nothing. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

export type Said = readonly (readonly string[])[] | 'nxdomain' | 'servfail' | 'silent';

export type NameServer = Readonly<{
  /** For `Resolver.setServers`. */
  address: string;
  /** By name, in lower case. What is not here does not exist. */
  says: Map<string, Said>;
  /** Names that were asked for, in order. */
  asked: string[];
}>;

export async function nameServer(test: TestContext): Promise<NameServer> {
  const socket = createSocket('udp4');
  const says: NameServer['says'] = new Map();
  const asked: string[] = [];
  socket.on('message', (query, from) => {
    const { name, end } = nameIn(query);
    asked.push(name);
    const said = says.get(name) ?? 'nxdomain';
    if (said !== 'silent') socket.send(answer(query.subarray(0, end), said), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  test.after(() => void socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, says, asked };
}

/** RFC 1035, 4.1.2: labels with their lengths, and behind them type and class. */
function nameIn(query: Buffer): Readonly<{ name: string; end: number }> {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 5 };
}

/** @param asked header and question */
function answer(asked: Buffer, said: Exclude<Said, 'silent'>): Buffer {
  const records = typeof said === 'string' ? [] : said;
  const code = said === 'nxdomain' ? 3 : said === 'servfail' ? 2 : 0;
  const head = Buffer.from(asked);
  head.writeUInt16BE(0x8180 | code, 2);
  for (const [index, count] of [1, records.length, 0, 0].entries()) head.writeUInt16BE(count, 4 + 2 * index);
  return Buffer.concat([head, ...records.map(txt)]);
}

function txt(strings: readonly string[]): Buffer {
  const data = Buffer.concat(strings.map((text) => Buffer.from([text.length, ...Buffer.from(text, 'latin1')])));
  const record = Buffer.alloc(12);
  // The name of the question; TXT, IN, no time to live.
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(16, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([record, data]);
}
