/** How far the bytes of a carrier have come, as a frame says it: 64 bits, of which JavaScript counts 53. */

import { readUint32, writeUint32 } from './frame.ts';

export function ackPayload(position: number): Uint8Array {
  const payload = new Uint8Array(8);
  writeUint32(payload, 0, Math.floor(position / 2 ** 32));
  writeUint32(payload, 4, position % 2 ** 32);
  return payload;
}

export function ackPosition(payload: Uint8Array): number {
  return readUint32(payload, 0) * 2 ** 32 + readUint32(payload, 4);
}

/** Honest ones come with every 128 KiB, or with a look at the clock; crumbs are a flood. */
const crumbBytes = 65_536;

/** Knows how far the last one went. */
export class Crumbs {
  #last = 0;

  /** Whether it goes hardly further than the one before. */
  is(position: number): boolean {
    const crumb = position - this.#last < crumbBytes;
    this.#last = position;
    return crumb;
  }
}
