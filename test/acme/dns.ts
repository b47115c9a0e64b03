/** A DNS server on loopback for tests: every name is here, and its TXT records are what the test says. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export type TestDns = Readonly<{ address: string; texts: Map<string, string>; close: () => Promise<void> }>;

const types = { a: 1, txt: 16 } as const;

/** `texts` by name in small letters, without the last dot. */
export async function startDns(): Promise<TestDns> {
  const texts = new Map<string, string>();
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const answer = answerTo(query, texts);
    if (answer !== null) socket.send(answer, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    texts,
    close: () => new Promise((resolve) => void socket.close(() => resolve())),
  };
}

/** RFC 1035, 4.1: the question back, and at most one record. */
function answerTo(query: Buffer, texts: ReadonlyMap<string, string>): Buffer | null {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length !== 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  if (query.length < at + 5) return null;
  const question = query.subarray(12, at + 5);
  const type = query.readUInt16BE(at + 1);
  const text = texts.get(labels.join('.').toLowerCase());
  const data =
    type === types.a
      ? Buffer.from([127, 0, 0, 1])
      : type === types.txt && text !== undefined
        ? Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
        : null;
  const head = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, data === null ? 0 : 1, 0, 0, 0, 0]);
  if (data === null) return Buffer.concat([head, question]);
  const record = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]);
  return Buffer.concat([head, question, record, data]);
}
