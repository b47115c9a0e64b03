/** How a visitor's program asks a gateway for a TCP service, and what it may be answered: one head each way (docs/wire-protocol.md). */

import { hostPort } from './address.ts';
import { latin1 } from './bytes.ts';
import { fault, type Fault } from './errors.ts';

/** Who the visitor says they are; null shows nothing, for services that are public or ask for an address. */
export type TcpCredential = Readonly<{ is: 'link'; secret: string }> | Readonly<{ is: 'password'; user: string; password: string }> | null;

/**
 * The request. The host is canonical; a port other than 443 stands in it. The credential goes into our own field, never into
 * Authorization, so that nothing on the way takes it for somebody else's.
 */
export function tcpOpeningText(host: string, port: number, credential: TcpCredential): string {
  const authority = port === 443 ? host : hostPort(host.replace(/^\[(.*)\]$/, '$1'), port);
  const shown = credential === null ? '' : `Sallyport-Authorization: ${credentialText(credential)}\r\n`;
  return `GET / HTTP/1.1\r\nHost: ${authority}\r\nConnection: Upgrade\r\nUpgrade: sallyport-tcp\r\n${shown}\r\n`;
}

function credentialText(credential: Exclude<TcpCredential, null>): string {
  if (credential.is === 'link') return `Link ${credential.secret}`;
  const bytes = new TextEncoder().encode(`${credential.user}:${credential.password}`);
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))}`;
}

/** Secrets of links as they are made: base64url. */
export function isLinkSecret(text: string): boolean {
  return /^[A-Za-z0-9_-]{22,64}$/.test(text);
}

export type TcpAnswer =
  | Readonly<{ is: 'more' }>
  /** The service's own bytes begin at `next` of the piece that was pushed last. */
  | Readonly<{ is: 'open'; next: number }>
  | Readonly<{ is: 'refused'; status: number }>
  | Readonly<{ is: 'malformed'; fault: Fault }>;

/** The heads that a gateway answers with have some 300 bytes. */
const answerBytesMax = 16_384;

/** Reads the answer's head, and not a byte more. After anything but `more` nothing is pushed. */
export class TcpAnswerReader {
  #head = '';
  /** So many octets of the empty line at its end have come. */
  #ended = 0;

  push(bytes: Uint8Array): TcpAnswer {
    const before = this.#head.length;
    for (let at = 0; at < bytes.length; at += 1) {
      this.#ended = endedBy(bytes[at], this.#ended);
      if (this.#ended === 4) {
        this.#head += latin1(bytes, 0, at + 1);
        return this.#read(at + 1);
      }
      if (before + at + 1 >= answerBytesMax) return malformed('an answer without an end');
    }
    this.#head += latin1(bytes, 0, bytes.length);
    return { is: 'more' };
  }

  #read(next: number): TcpAnswer {
    const [first = '', ...lines] = this.#head.slice(0, -4).split('\r\n');
    const status = /^HTTP\/1\.1 ([1-5]\d\d)(?: [ -~]*)?$/.exec(first)?.[1];
    if (status === undefined) return malformed('an answer that is no HTTP');
    if (status !== '101') return { is: 'refused', status: Number(status) };
    const said = (name: string): readonly string[] =>
      lines.flatMap((line) =>
        line.toLowerCase().startsWith(`${name}:`)
          ? [
              line
                .slice(name.length + 1)
                .trim()
                .toLowerCase(),
            ]
          : [],
      );
    const [upgrades, connections] = [said('upgrade'), said('connection')];
    const ours = upgrades.length === 1 && upgrades[0] === 'sallyport-tcp' && connections.length === 1 && connections[0] === 'upgrade';
    return ours ? { is: 'open', next } : malformed('a change to a protocol that was not asked for');
  }
}

/** How much of CR LF CR LF stands at the end once that octet has come. */
function endedBy(byte: number | undefined, ended: number): number {
  if (byte === 0x0d) return ended === 2 ? 3 : 1;
  return byte === 0x0a && (ended === 1 || ended === 3) ? ended + 1 : 0;
}

function malformed(why: string): TcpAnswer {
  return { is: 'malformed', fault: fault('response-malformed', why) };
}
