/** The PROXY protocol, versions 1 and 2, as HAProxy's proxy-protocol.txt has it (2.1, 2.2): who a visitor is, said before their first byte. */

import { parseIp, type Address, type Ip } from './address.ts';
import { fault, type Fault } from './errors.ts';

export type ProxyVersion = 'v1' | 'v2';

/** Version 2 begins with these; no other protocol does. */
const SIGNATURE: readonly number[] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
/** `PROXY `, with its space. */
const V1: readonly number[] = [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20];
/** Section 2.1: the longest line of version 1, with its CRLF. */
const V1_BYTES_MAX = 107;
const V2_HEAD_BYTES = 16;

export type ProxyReading =
  | Readonly<{ is: 'more' }>
  /** `from` null: the sender speaks for itself (LOCAL, UNKNOWN). What follows begins at `next` of the bytes pushed last. */
  | Readonly<{ is: 'header'; from: Address | null; next: number }>
  | Readonly<{ is: 'refused'; fault: Fault }>;

/** Reads one header, and not a byte more. After anything but `more` nothing is pushed. */
export class ProxyHeaderReader {
  readonly #bytesMax: number;
  readonly #kept: number[] = [];

  /** @param bytesMax of a whole header of version 2, with its extensions, which are passed over */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  push(bytes: Uint8Array): ProxyReading {
    for (let at = 0; at < bytes.length; at += 1) {
      this.#kept.push(bytes[at] ?? 0);
      const reading = this.#look(at + 1);
      if (reading.is !== 'more') return reading;
    }
    return more;
  }

  #look(next: number): ProxyReading {
    const kept = this.#kept;
    const first = kept.length - 1;
    const byte = kept[first];
    if (kept[0] === V1[0]) {
      if (first < V1.length) return byte === V1[first] ? more : refused('it begins with something else');
      if (byte === 0x0a) return readV1(String.fromCharCode(...kept), next);
      return kept.length < V1_BYTES_MAX ? more : refused('a line of version 1 without an end');
    }
    if (first < SIGNATURE.length) return byte === SIGNATURE[first] ? more : refused('it begins with something else');
    if (kept.length < V2_HEAD_BYTES) return more;
    const whole = V2_HEAD_BYTES + word(kept, 14);
    // Looked at on the head: nothing of what is too long is kept.
    if (whole > this.#bytesMax) return refused('a header that is too long');
    return kept.length < whole ? more : readV2(kept, next);
  }
}

const more: ProxyReading = { is: 'more' };

function refused(why: string): ProxyReading {
  return { is: 'refused', fault: fault('preamble-malformed', `the PROXY header: ${why}`) };
}

/** `PROXY TCP4 SOURCE DESTINATION SOURCEPORT DESTINATIONPORT`, one space between all. */
function readV1(line: string, next: number): ProxyReading {
  if (/^PROXY UNKNOWN(?: [ -~]*)?\r\n$/.test(line)) return { is: 'header', from: null, next };
  const [, family = '', source = '', destination = '', sourcePort = '', destinationPort = ''] =
    /^PROXY TCP([46]) ([0-9a-fA-F.:]+) ([0-9a-fA-F.:]+) (\d{1,5}) (\d{1,5})\r\n$/.exec(line) ?? [];
  const [from, to] = [ipOf(source, family), ipOf(destination, family)];
  const [port, toPort] = [portOf(sourcePort), portOf(destinationPort)];
  if (from === null || to === null || port === null || toPort === null) return refused('a line of version 1 that is none');
  return { is: 'header', from: { ip: from.text, port }, next };
}

/** Written as its family is: a v4-mapped address is of TCP6 where it is written, and v4 where it is judged. */
function ipOf(text: string, family: string): Ip | null {
  return text.includes(':') === (family === '6') ? parseIp(text) : null;
}

function portOf(text: string): number | null {
  const port = Number(text);
  return String(port) === text && port <= 65_535 ? port : null;
}

function readV2(kept: readonly number[], next: number): ProxyReading {
  const [command, family, length] = [kept[12] ?? 0, kept[13] ?? 0, word(kept, 14)];
  if (command === 0x20) return { is: 'header', from: null, next };
  if (command !== 0x21) return refused('a version or command that does not exist');
  // AF_UNSPEC: the sender does not know, and says so.
  if (family === 0x00) return { is: 'header', from: null, next };
  if (family === 0x11 && length >= 12) return told(kept.slice(16, 20).join('.'), word(kept, 24), next);
  if (family === 0x21 && length >= 36) {
    const groups = Array.from({ length: 8 }, (_, at) => word(kept, 16 + at * 2).toString(16));
    return told(groups.join(':'), word(kept, 48), next);
  }
  return refused('a family of addresses that no visitor has');
}

function told(text: string, port: number, next: number): ProxyReading {
  const ip = parseIp(text);
  return ip === null ? refused('an address that is none') : { is: 'header', from: { ip: ip.text, port }, next };
}

function word(bytes: readonly number[], at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/**
 * The header for a service. The destination is the unspecified address with the port that the visitor dialled: which of
 * our addresses it was does not matter to a service. With `from` null we speak for ourselves.
 */
export function proxyHeader(version: ProxyVersion, from: Address | null, port: number): Uint8Array {
  const ip = from === null ? null : parseIp(from.ip);
  return version === 'v1' ? writeV1(ip, from?.port ?? 0, port) : writeV2(ip, from?.port ?? 0, port);
}

function writeV1(ip: Ip | null, sourcePort: number, port: number): Uint8Array {
  const line =
    ip === null
      ? 'PROXY UNKNOWN\r\n'
      : `PROXY TCP${ip.version} ${ip.text} ${ip.version === 4 ? '0.0.0.0' : '::'} ${sourcePort} ${port}\r\n`;
  return Uint8Array.from(line, (character) => character.charCodeAt(0));
}

function writeV2(ip: Ip | null, sourcePort: number, port: number): Uint8Array {
  if (ip === null) return Uint8Array.from([...SIGNATURE, 0x20, 0x00, 0, 0]);
  const address = ip.groups.flatMap((group) => [group >> 8, group & 255]);
  const nowhere = address.map(() => 0);
  const ports = [sourcePort >> 8, sourcePort & 255, port >> 8, port & 255];
  return Uint8Array.from([...SIGNATURE, 0x21, ip.version === 4 ? 0x11 : 0x21, 0, address.length * 2 + 4, ...address, ...nowhere, ...ports]);
}
