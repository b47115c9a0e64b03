/** SOCKS 5 as a proxy hears it: the methods, a name and a password, and one CONNECT, or UDP ASSOCIATE (RFC 1928, RFC 1929). */

import { latin1 } from '../bytes.ts';
import { fault, type Fault } from '../errors.ts';
import { KeptBytes } from '../http/kept-bytes.ts';

export type SocksCredentials = Readonly<{ user: string; password: string }>;

export type SocksStep =
  | Readonly<{ is: 'more' }>
  /** To be answered with these bytes; then the reader goes on at `next`. */
  | Readonly<{ is: 'say'; bytes: Uint8Array; next: number }>
  /** Where to. `host` is as it was sent; a literal IPv6 address stands in brackets. `next`: where the client's own bytes begin. `udp`: from where datagrams will be sent; zeros for what is not known yet. */
  | Readonly<{ is: 'request'; host: string; port: number; credentials: SocksCredentials | null; next: number; udp?: true }>
  /** `bytes`: the protocol's own word for it, to be said before the end; null where there is none. */
  | Readonly<{ is: 'refused'; fault: Fault; bytes: Uint8Array | null }>;

/** RFC 1928, 6. */
export const socksReplies = {
  succeeded: 0,
  failed: 1,
  denied: 2,
  unreachable: 4,
  refused: 5,
  timedOut: 6,
  command: 7,
  address: 8,
} as const;

/** An answer to CONNECT. The bound address is nobody's business: zeros, as OpenSSH says them. */
export function socksReply(reply: (typeof socksReplies)[keyof typeof socksReplies]): Uint8Array {
  return Uint8Array.from([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]);
}

/** The longest message: 3 octets, two strings of 255 with their lengths. */
const messageBytesMax = 513;

const more: SocksStep = { is: 'more' };
const noMethod = Uint8Array.from([5, 0xff]);
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

type State = 'methods' | 'password' | 'request' | 'over';

/**
 * Reads one client. Keeps at most one message. A client may send on without waiting for our answer only where that could not
 * change what it sends: it offered one method.
 * Faults: `preamble-malformed` (versions, lengths, text), `method-refused` (BIND, and UDP ASSOCIATE unless it is taken), `credentials-missing`.
 */
export class Socks5Reader {
  #state: State = 'methods';
  readonly #kept = new KeptBytes(messageBytesMax);
  readonly #takesUdp: boolean;
  #credentials: SocksCredentials | null = null;

  constructor(takesUdp = false) {
    this.#takesUdp = takesUdp;
  }

  /** Whether a part of a message was seen. */
  get started(): boolean {
    return this.#state !== 'methods' || this.#kept.length > 0;
  }

  /** Takes `chunk[at…]`, of which at most one message is read. */
  push(chunk: Uint8Array, at: number): SocksStep {
    if (this.#state === 'over') return this.#refuse('preamble-malformed', 'nothing is read behind the end');
    const before = this.#kept.length;
    this.#kept.append(chunk, at);
    const { bytes, length } = this.#kept;
    const message = bytes.subarray(0, length);
    const need = this.#need(message);
    if (typeof need !== 'number') return need;
    if (length < need) return more;
    this.#kept.length = 0;
    return this.#take(message.slice(0, need), at + need - before, chunk.length);
  }

  /** How long the message is, as far as its first octets tell. */
  #need(message: Uint8Array): number | SocksStep {
    const [version, second] = message;
    if (version === undefined) return 1;
    if (version !== (this.#state === 'password' ? 1 : 5)) return this.#refuse('preamble-malformed', `a message of version ${version}`);
    if (second === undefined) return 2;
    if (this.#state === 'methods') return second === 0 ? this.#refuse('preamble-malformed', 'no method is offered') : 2 + second;
    if (this.#state === 'request') return this.#needOfRequest(message);
    if (second === 0) return this.#refuse('preamble-malformed', 'a name of no length');
    const password = message[2 + second];
    if (password === 0) return this.#refuse('preamble-malformed', 'a password of no length');
    return 3 + second + (password ?? 0);
  }

  #needOfRequest(message: Uint8Array): number | SocksStep {
    const [, command, reserved, type, first] = message;
    if (command !== 1 && !(command === 3 && this.#takesUdp))
      return this.#refuse('method-refused', 'a command other than CONNECT', socksReply(socksReplies.command));
    if (reserved !== undefined && reserved !== 0) return this.#refuse('preamble-malformed', 'a reserved octet that is not zero');
    if (type === undefined) return 4;
    if (type === 1) return 10;
    if (type === 4) return 22;
    if (type !== 3) return this.#refuse('preamble-malformed', 'an unknown type of address', socksReply(socksReplies.address));
    if (first === 0) return this.#refuse('preamble-malformed', 'a name of no length', socksReply(socksReplies.failed));
    return 7 + (first ?? 0);
  }

  #take(message: Uint8Array, next: number, end: number): SocksStep {
    switch (this.#state) {
      case 'methods':
        return this.#choose(message.subarray(2), next, end);
      case 'password':
        return this.#hear(message, next);
      case 'request': {
        const port = ((message.at(-2) ?? 0) << 8) | (message.at(-1) ?? 0);
        this.#state = 'over';
        const udp = message[1] === 3 ? { udp: true as const } : {};
        return { is: 'request', host: hostOf(message), port, credentials: this.#credentials, next, ...udp };
      }
      case 'over':
        return this.#refuse('preamble-malformed', 'nothing is read behind the end');
      default:
        return this.#state satisfies never;
    }
  }

  /** A name and a password before nothing: whoever can show who they are is asked. */
  #choose(offered: Uint8Array, next: number, end: number): SocksStep {
    if (next < end && offered.length > 1)
      return this.#refuse('preamble-malformed', 'a client that chose among methods before it was told which');
    const method = offered.includes(2) ? 2 : offered.includes(0) ? 0 : null;
    if (method === null) return this.#refuse('credentials-missing', 'no method that is spoken here is offered', noMethod);
    this.#state = method === 2 ? 'password' : 'request';
    return { is: 'say', bytes: Uint8Array.from([5, method]), next };
  }

  #hear(message: Uint8Array, next: number): SocksStep {
    const user = message[1] ?? 0;
    try {
      this.#credentials = { user: utf8.decode(message.subarray(2, 2 + user)), password: utf8.decode(message.subarray(3 + user)) };
    } catch {
      return this.#refuse('preamble-malformed', 'a name or a password that is no UTF-8', Uint8Array.from([1, 1]));
    }
    this.#state = 'request';
    // They are judged with the destination, in one: who guesses learns nothing before.
    return { is: 'say', bytes: Uint8Array.from([1, 0]), next };
  }

  #refuse(code: 'preamble-malformed' | 'method-refused' | 'credentials-missing', why: string, bytes: Uint8Array | null = null): SocksStep {
    this.#state = 'over';
    return { is: 'refused', fault: fault(code, `SOCKS: ${why}`), bytes };
  }
}

function hostOf(message: Uint8Array): string {
  const type = message[3];
  if (type === 3) return latin1(message, 5, message.length - 2);
  const address = message.subarray(4, message.length - 2);
  if (type === 1) return address.join('.');
  const groups = Array.from({ length: 8 }, (_none, at) => (((address[at * 2] ?? 0) << 8) | (address[at * 2 + 1] ?? 0)).toString(16));
  return `[${groups.join(':')}]`;
}
