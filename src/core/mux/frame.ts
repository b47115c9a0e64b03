/** The frames of a carrier: a header of twelve bytes, and what each type may weigh. Described in docs/wire-protocol.md. */

import type { Fault } from '../errors.ts';
import { fault } from '../errors.ts';

/** Version of the frames; the ALPN name carries it too. A carrier that speaks HTTP fails on this byte. */
export const frameVersion = 1;
export const frameHeaderBytes = 12;

/**
 * What a frame is. `message` frames (below 0x10) carry JSON and stand on stream 0; the rest is binary.
 * `least` and `most` bound the payload, `null` leaves it to the reader's limits.
 */
export const frameTypes = {
  hello: { byte: 0x01, stream: 'carrier', least: 2, most: null },
  accepted: { byte: 0x02, stream: 'carrier', least: 2, most: null },
  refused: { byte: 0x03, stream: 'carrier', least: 2, most: null },
  register: { byte: 0x04, stream: 'carrier', least: 2, most: null },
  names: { byte: 0x05, stream: 'carrier', least: 2, most: null },
  open: { byte: 0x10, stream: 'stream', least: 8, most: null },
  opened: { byte: 0x11, stream: 'stream', least: 0, most: 0 },
  // Empty data says nothing and costs a header: refused, so that nobody can flood with it.
  data: { byte: 0x12, stream: 'stream', least: 1, most: null },
  window: { byte: 0x13, stream: 'stream', least: 4, most: 4 },
  fin: { byte: 0x14, stream: 'stream', least: 0, most: 0 },
  reset: { byte: 0x15, stream: 'stream', least: 1, most: 1 },
  recall: { byte: 0x16, stream: 'stream', least: 4, most: 4 },
  returned: { byte: 0x17, stream: 'stream', least: 4, most: 4 },
  ping: { byte: 0x20, stream: 'carrier', least: 8, most: 8 },
  pong: { byte: 0x21, stream: 'carrier', least: 8, most: 8 },
  goaway: { byte: 0x22, stream: 'carrier', least: 5, most: 5 },
  ack: { byte: 0x23, stream: 'carrier', least: 8, most: 8 },
} as const satisfies Record<string, Readonly<{ byte: number; stream: 'carrier' | 'stream'; least: number; most: number | null }>>;

export type FrameType = keyof typeof frameTypes;
export type MessageType = 'hello' | 'accepted' | 'refused' | 'register' | 'names';

/** One frame, as it goes out. */
export type Frame = Readonly<{ type: FrameType; stream: number; payload: Uint8Array | null }>;

/** What a header says, once every length in it has been checked. */
export type Header = { type: FrameType; stream: number; length: number };

/** The most that a reader takes of each kind. An `open` holds names and addresses only. */
export type FrameLimits = Readonly<{ frameBytesMax: number; messageBytesMax: number }>;
export const openBytesMax = 2_048;

const typeOf: readonly (FrameType | undefined)[] = (() => {
  const table: (FrameType | undefined)[] = Array.from({ length: 256 }, () => undefined);
  for (const [type, facts] of Object.entries(frameTypes)) table[facts.byte] = type as FrameType; // its own keys
  return table;
})();

function mostOf(type: FrameType, limits: FrameLimits): number {
  const { most, byte } = frameTypes[type];
  if (most !== null) return most;
  if (byte < 0x10) return limits.messageBytesMax;
  return type === 'open' ? openBytesMax : limits.frameBytesMax;
}

/** Reads the header at `at` into `into`. All twelve bytes must be there. Nothing is kept of a frame that fails. */
export function readHeader(bytes: Uint8Array, at: number, limits: FrameLimits, into: Header): Fault | null {
  if (bytes[at] !== frameVersion) return fault('frame-malformed', 'a frame of another version');
  const type = typeOf[bytes[at + 1] ?? 0];
  if (type === undefined) return fault('frame-malformed', 'a frame of an unknown type');
  if (bytes[at + 2] !== 0 || bytes[at + 3] !== 0) return fault('frame-malformed', 'reserved bits are set');
  const stream = readUint32(bytes, at + 4);
  const length = readUint32(bytes, at + 8);
  if ((stream === 0) !== (frameTypes[type].stream === 'carrier')) return fault('frame-malformed', `a ${type} on the wrong stream`);
  if (length > mostOf(type, limits)) return fault('frame-too-long', `a ${type} of ${length} bytes`);
  if (length < frameTypes[type].least) return fault('frame-malformed', `a ${type} that is too short`);
  into.type = type;
  into.stream = stream;
  into.length = length;
  return null;
}

/** Writes a header at `at`. */
export function writeHeader(into: Uint8Array, at: number, type: FrameType, stream: number, length: number): void {
  into[at] = frameVersion;
  into[at + 1] = frameTypes[type].byte;
  into[at + 2] = 0;
  into[at + 3] = 0;
  writeUint32(into, at + 4, stream);
  writeUint32(into, at + 8, length);
}

/** How many bytes these frames take on the wire. */
export function framesBytes(frames: readonly Frame[]): number {
  let sum = 0;
  for (const frame of frames) sum += frameHeaderBytes + (frame.payload === null ? 0 : frame.payload.length);
  return sum;
}

/** Writes frames one after the other, from `at`; returns where they end. */
export function writeFrames(frames: readonly Frame[], into: Uint8Array, at = 0): number {
  for (const { type, stream, payload } of frames) {
    writeHeader(into, at, type, stream, payload === null ? 0 : payload.length);
    at += frameHeaderBytes;
    if (payload !== null) {
      into.set(payload, at);
      at += payload.length;
    }
  }
  return at;
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}

export function writeUint32(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = (value >>> 16) & 0xff;
  into[at + 2] = (value >>> 8) & 0xff;
  into[at + 3] = value & 0xff;
}
