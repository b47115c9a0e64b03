/** The one message that answers a greeting, read alone: what follows it belongs to somebody else. */

import type { Fault } from '../errors.ts';
import { fault } from '../errors.ts';
import type { FrameLimits, Header, MessageType } from './frame.ts';
import { frameHeaderBytes, frameVersion, readHeader } from './frame.ts';
import { decodeMessage } from './message.ts';

export type FirstMessage =
  | Readonly<{ is: 'more' }>
  /** `next` is the index of the first byte behind it, in the bytes that were pushed last. */
  | Readonly<{ is: 'message'; type: MessageType; value: unknown; next: number }>
  | Readonly<{ is: 'fault'; fault: Fault }>;

const messages: ReadonlySet<string> = new Set<MessageType>(['hello', 'accepted', 'refused', 'register', 'names']);

/** Keeps at most one header and one message (`messageBytesMax`), and its size is checked before a byte of it is kept. */
export class FirstMessageReader {
  readonly #limits: FrameLimits;
  readonly #header: Header = { type: 'hello', stream: 0, length: 0 };
  #kept = new Uint8Array(frameHeaderBytes);
  #have = 0;
  #headerRead = false;

  constructor(limits: FrameLimits) {
    this.#limits = limits;
  }

  push(bytes: Uint8Array): FirstMessage {
    let at = 0;
    while (true) {
      const piece = bytes.subarray(at, at + this.#kept.length - this.#have);
      this.#kept.set(piece, this.#have);
      this.#have += piece.length;
      at += piece.length;
      // The first byte alone tells who speaks something else.
      if (!this.#headerRead && this.#have > 0 && this.#kept[0] !== frameVersion) return this.#fault('a frame of another version');
      if (this.#have < this.#kept.length) return { is: 'more' };
      if (this.#headerRead) return this.#message(at);
      const wrong = readHeader(this.#kept, 0, this.#limits, this.#header);
      if (wrong !== null) return { is: 'fault', fault: wrong };
      if (!messages.has(this.#header.type)) return this.#fault(`a ${this.#header.type} before the greeting`);
      this.#headerRead = true;
      this.#kept = new Uint8Array(this.#header.length);
      this.#have = 0;
    }
  }

  #message(next: number): FirstMessage {
    const message = decodeMessage(this.#kept);
    if ('code' in message) return { is: 'fault', fault: message };
    const { type } = this.#header;
    return isMessage(type) ? { is: 'message', type, value: message.value, next } : this.#fault('no message');
  }

  #fault(why: string): FirstMessage {
    return { is: 'fault', fault: fault('frame-malformed', why) };
  }
}

function isMessage(type: string): type is MessageType {
  return messages.has(type);
}
