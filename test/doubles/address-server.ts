/** A name server on loopback that says of each name which addresses it has, another time others: it lies as a rebinding one does. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** Answers in turn, the last again and again; each a list of addresses of both versions. `silent`: nothing is said at all. */
export type Answers = readonly (readonly string[])[] | 'servfail' | 'silent';

export type AddressServer = Readonly<{
  /** `address:port`, for a resolver. */
  address: string;
  says: Map<string, Answers>;
  /** Names that were asked for, with the version of the addresses. */
  asked: string[];
}>;

const A = 1;

/** Time to live of all answers: none. */
export async function addressServer(test: { after: (done: () => void) => void }): Promise<AddressServer> {
  const socket = createSocket('udp4');
  const says: AddressServer['says'] = new Map();
  const asked: string[] = [];
  const turns = new Map<string, number>();
  socket.on('message', (query, from) => {
    const { name, type, end } = questionIn(query);
    const version = type === A ? 4 : 6;
    asked.push(`${name} ${version}`);
    const said = says.get(name);
    if (said === 'silent') return;
    const turn = turns.get(`${name} ${type}`) ?? 0;
    turns.set(`${name} ${type}`, turn + 1);
    const now = typeof said === 'string' || said === undefined ? [] : (said[Math.min(turn, said.length - 1)] ?? []);
    const addresses = now.filter((address) => address.includes(':') === (version === 6));
    const code = said === 'servfail' ? 2 : said === undefined ? 3 : 0;
    socket.send(answer(query.subarray(0, end), code, type, addresses), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  test.after(() => void socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, says, asked };
}

/** RFC 1035, 4.1.2. */
function questionIn(query: Buffer): Readonly<{ name: string; type: number; end: number }> {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function answer(asked: Buffer, code: number, type: number, addresses: readonly string[]): Buffer {
  const head = Buffer.from(asked);
  head.writeUInt16BE(0x8180 | code, 2);
  for (const [index, count] of [1, addresses.length, 0, 0].entries()) head.writeUInt16BE(count, 4 + 2 * index);
  return Buffer.concat([head, ...addresses.map((address) => record(type, bytesOf(address)))]);
}

function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  // The name of the question; IN; no time to live.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

/** Eight groups or `::` once; a dotted tail is written by the caller as groups. */
function bytesOf(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string): readonly number[] => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const all = tail === undefined ? before : [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]));
}
