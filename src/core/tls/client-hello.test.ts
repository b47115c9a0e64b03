/** Hellos as Node and OpenSSL write them, taken apart, mutated, and compared with what Node's own server sees. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import tls from 'node:tls';
import { defaults } from '../limits.ts';
import type { HelloReading } from './client-hello.ts';
import { ClientHelloReader } from './client-hello.ts';

/** The first flight of a real client. */
function hello(options: tls.ConnectionOptions = {}): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire: Buffer[] = [];
    const line = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        wire.push(chunk);
        done();
        setImmediate(() => {
          client.destroy();
          resolve(Buffer.concat(wire));
        });
      },
    });
    const client = tls.connect({ socket: line, ...options });
    client.on('error', () => undefined);
  });
}

function read(bytes: Uint8Array, size = bytes.length || 1, limits = defaults): HelloReading {
  const reader = new ClientHelloReader(limits);
  let reading: HelloReading = { is: 'more' };
  for (let at = 0; at < bytes.length; at += size) reading = reader.push(bytes.subarray(at, at + size));
  return reading;
}

/** The same message in records of `size` bytes. */
function inRecords(wire: Buffer, size: number): Buffer {
  const message = wire.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const piece = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, piece.length >> 8, piece.length & 255]), piece);
  }
  return Buffer.concat(records);
}

const u16 = (value: number): number[] => [value >> 8, value & 255];
const extension = (type: number, content: readonly number[]): number[] => [...u16(type), ...u16(content.length), ...content];
const serverName = (name: Uint8Array | string, type = 0): number[] => {
  const bytes = [...Buffer.from(name)];
  return extension(0, [...u16(bytes.length + 3), type, ...u16(bytes.length), ...bytes]);
};

/** A hello made by hand, in one record. */
function made(
  extensions: readonly number[] | null,
  change: Readonly<{ session?: number[]; suites?: number[]; compressions?: number[] }> = {},
): Buffer {
  const { session = [], suites = [0x13, 1], compressions = [0] } = change;
  const body = [
    3,
    3,
    ...Array.from({ length: 32 }, () => 7),
    session.length,
    ...session,
    ...u16(suites.length),
    ...suites,
    compressions.length,
    ...compressions,
  ];
  if (extensions !== null) body.push(...u16(extensions.length), ...extensions);
  const message = [1, 0, ...u16(body.length), ...body];
  return Buffer.from([22, 3, 1, ...u16(message.length), ...message]);
}

const outcome = (reading: HelloReading): string => (reading.is === 'hello' ? String(reading.sni) : reading.is);

describe('reading a ClientHello', () => {
  it('finds name and protocols of a real one, which needs more than one segment', async () => {
    const wire = await hello({ servername: 'blog.example.org', ALPNProtocols: ['h2', 'http/1.1'] });
    ok(wire.length > 1_460);
    deepEqual(read(wire), { is: 'hello', sni: 'blog.example.org', alpn: ['h2', 'http/1.1'] });
  });

  it('reads the same at every split in two', async () => {
    const wire = await hello({ servername: 'blog.example.org' });
    for (let split = 1; split < wire.length; split++) {
      const reader = new ClientHelloReader(defaults);
      equal(reader.push(wire.subarray(0, split)).is, 'more');
      equal(outcome(reader.push(wire.subarray(split))), 'blog.example.org');
    }
  });

  it('reads what has no name and no protocols', async () => {
    deepEqual(read(await hello({ servername: '' })), { is: 'hello', sni: null, alpn: [] });
    deepEqual(read(made(null)), { is: 'hello', sni: null, alpn: [] });
    deepEqual(read(made([])), { is: 'hello', sni: null, alpn: [] });
  });

  it('leaves GREASE out of the protocols, and passes over extensions that it does not know', () => {
    const grease = extension(0x1a1a, [0]);
    const alpn = extension(16, [...u16(6), 2, 0x0a, 0x8a, 2, 0x68, 0x32]);
    deepEqual(read(made([...grease, ...alpn, ...serverName('a.example'), ...extension(0xfe0d, [1, 2, 3])])), {
      is: 'hello',
      sni: 'a.example',
      alpn: ['h2'],
    });
  });

  it('keeps its answer, and looks at nothing that follows', () => {
    const reader = new ClientHelloReader(defaults);
    reader.push(made(serverName('a.example')));
    equal(outcome(reader.push(made(serverName('b.example')))), 'a.example');
  });
});

describe('SNI / Host mismatch', () => {
  it('reads a hello in segments of one byte and in records of any size', async () => {
    const wire = await hello({ servername: 'blog.example.org' });
    equal(outcome(read(wire, 1)), 'blog.example.org');
    for (const size of [1, 2, 3, 5, 100, 1_000]) equal(outcome(read(inRecords(wire, size), 7)), 'blog.example.org');
  });

  const cases: readonly (readonly [string, Buffer, string])[] = [
    ['folds upper case', made(serverName('BLOG.Example.ORG')), 'blog.example.org'],
    ['takes __proto__ as a name like any other, or none', made(serverName('__proto__.example')), '__proto__.example'],
    ['refuses an IPv4 literal', made(serverName('127.0.0.1')), 'refused'],
    ['refuses an IPv6 literal', made(serverName('::1')), 'refused'],
    ['refuses an IPv6 literal in brackets', made(serverName('[::1]')), 'refused'],
    ['refuses a number that is an address to some', made(serverName('0x7f.1')), 'refused'],
    ['refuses a wildcard', made(serverName('*.example.org')), 'refused'],
    ['refuses a NUL', made(serverName('blog.example.org\0.evil.example')), 'refused'],
    ['refuses a trailing dot (RFC 6066, 3)', made(serverName('blog.example.org.')), 'refused'],
    ['refuses an empty name', made(serverName('')), 'refused'],
    ['refuses 255 bytes', made(serverName('a'.repeat(255))), 'refused'],
    ['refuses a name of 254 characters', made(serverName(`${'a.'.repeat(126)}aa`)), 'refused'],
    ['refuses bytes above ASCII', made(serverName(new Uint8Array([0xc3, 0xa4, 0x2e, 0x61]))), 'refused'],
    ['refuses invalid punycode', made(serverName('xn--.example')), 'refused'],
    ['refuses a port', made(serverName('blog.example.org:443')), 'refused'],
    ['refuses a slash', made(serverName('blog.example.org/x')), 'refused'],
    ['refuses a name of another type', made(serverName('a.example', 1)), 'refused'],
    ['refuses two names in one list', made(extension(0, [...u16(12), 0, ...u16(3), 97, 46, 98, 0, ...u16(3), 97, 46, 99])), 'refused'],
    ['refuses the extension twice', made([...serverName('a.example'), ...serverName('b.example')]), 'refused'],
    ['refuses any extension twice', made([...extension(10, []), ...extension(10, [])]), 'refused'],
    ['refuses an empty list of names', made(extension(0, u16(0))), 'refused'],
    ['refuses a list longer than its extension', made(extension(0, [...u16(9), 0, ...u16(3), 97, 46, 98])), 'refused'],
    ['refuses bytes behind the list', made(extension(0, [...u16(6), 0, ...u16(3), 97, 46, 98, 0])), 'refused'],
    ['refuses a protocol without a name', made(extension(16, [...u16(1), 0])), 'refused'],
    ['refuses an empty list of protocols', made(extension(16, u16(0))), 'refused'],
    ['refuses a session id of 33 bytes', made([], { session: Array.from({ length: 33 }, () => 1) }), 'refused'],
    ['refuses an odd list of suites', made([], { suites: [1, 2, 3] }), 'refused'],
    ['refuses no suites', made([], { suites: [] }), 'refused'],
    ['refuses no compressions', made([], { compressions: [] }), 'refused'],
    ['refuses HTTP by its first byte', Buffer.from('G'), 'refused'],
    ['refuses an alert record', Buffer.from([21]), 'refused'],
    ['refuses SSL 2', Buffer.from([0x80, 0x2e, 1, 3, 1]), 'refused'],
    ['refuses an empty record', Buffer.from([22, 3, 1, 0, 0]), 'refused'],
    ['refuses a record above 2^14', Buffer.from([22, 3, 1, 0x40, 1]), 'refused'],
    ['refuses a ServerHello', Buffer.from([22, 3, 3, 0, 4, 2, 0, 0, 0]), 'refused'],
    ['refuses a hello above 16 KiB by its header', Buffer.from([22, 3, 1, 0x40, 0, 1, 0, 0x40, 1]), 'refused'],
  ];
  for (const [title, bytes, expected] of cases) {
    it(title, () => {
      equal(outcome(read(bytes)), expected);
      equal(outcome(read(bytes, 1)), expected);
    });
  }

  it('refuses bytes behind the hello in its record', () => {
    const wire = made(serverName('a.example'));
    const longer = Buffer.concat([wire, Buffer.from([0])]);
    longer.writeUInt16BE(wire.length - 5 + 1, 3);
    equal(outcome(read(longer)), 'refused');
  });

  it('refuses a hello that is dribbled in too many records', () => {
    const wire = made(
      extension(
        21,
        Array.from({ length: 15_000 }, () => 0),
      ),
    );
    equal(outcome(read(inRecords(wire, 1))), 'refused');
    equal(outcome(read(inRecords(wire, 64))), 'null');
  });
});

describe('a mutated hello', () => {
  /** What Node's own server makes of it. */
  function oracle(wire: Buffer): Promise<Readonly<{ sni: string | null; alpn: readonly string[] }> | null> {
    return new Promise((resolve) => {
      const line = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
      let seen: string | null = null;
      let alpn: readonly string[] | null = null;
      const server = new tls.TLSSocket(line, {
        isServer: true,
        ALPNCallback: ({ servername, protocols }) => {
          seen = typeof servername === 'string' && servername !== '' ? servername : null;
          alpn = protocols;
          return undefined;
        },
        SNICallback: (servername, done) => {
          seen = servername;
          done(null);
        },
      });
      server.on('error', () => undefined);
      const done = (): void => {
        server.destroy();
        resolve(seen === null && alpn === null ? null : { sni: seen, alpn: alpn ?? [] });
      };
      line.push(wire);
      setImmediate(() => setImmediate(done));
    });
  }

  it('is never read as another name than Node reads', async (test) => {
    let seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000);
    test.diagnostic(`FUZZ_SEED=${seed}`);
    const below = (count: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      return (seed >>> 8) % count;
    };
    const originals = [
      await hello({ servername: 'blog.example.org', ALPNProtocols: ['h2', 'http/1.1'] }),
      await hello({ servername: 'a.b.example', ALPNProtocols: ['sallyport-carrier/1'], maxVersion: 'TLSv1.2' }),
    ];
    let compared = 0;
    for (let round = 0; round < 1_200; round++) {
      const original = originals[below(2)];
      ok(original);
      const wire = Buffer.from(original);
      // Most changes go where the extensions are; the key shares behind them are noise to us.
      for (let changes = 1 + below(3); changes > 0; changes--)
        wire[below(4) === 0 ? below(wire.length) : below(Math.min(wire.length, 300))] = below(256);
      const reading = read(wire, 1 + below(500));
      if (reading.is !== 'hello') continue;
      const node = await oracle(wire);
      if (node === null) continue;
      compared += 1;
      if (node.sni !== null) equal(reading.sni, node.sni.toLowerCase(), wire.toString('hex'));
      // Node takes the high bit off names that are not ASCII; we leave those names out, so that only whole lists are compared.
      if (node.alpn.length === reading.alpn.length) deepEqual(reading.alpn, node.alpn, wire.toString('hex'));
    }
    ok(compared > 50, `only ${compared} were compared`);
  });
});
