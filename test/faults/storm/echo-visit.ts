/** One WebSocket of a visitor: numbered messages come back in their order, byte for byte, until one side leaves. */

import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { ConnectionOptions } from 'node:tls';
import { WebSocket, type ClientOptions } from 'ws';
import { Content } from './content.ts';
import type { Outcome } from './tally.ts';
import { codeOf, type Door } from './visit.ts';

export type EchoVisit = Readonly<{
  id: string;
  messages: number;
  /** Between two messages. */
  pauseMs: number;
  from: string | undefined;
  onMessage: (bytes: number) => void;
  signal: AbortSignal;
}>;

/** Sent and not yet come back, at most. */
const underWayMax = 8;

/** Who is told to leave has so long to come to an end. */
const leaveMs = 3_000;

/** Never rejects, and always ends. Who hears nothing for `patienceMs` while something is under way leaves. */
export async function echoVisit(door: Door, asked: EchoVisit): Promise<Outcome> {
  const settings: ClientOptions & ConnectionOptions = {
    servername: door.url.hostname,
    secureContext: door.secureContext,
    headers: { Host: door.url.host },
    handshakeTimeout: door.patienceMs,
    perMessageDeflate: false,
    ...(asked.from === undefined ? {} : { localAddress: asked.from }),
  };
  const socket = new WebSocket(`wss://127.0.0.1:${door.url.port}/echo/${asked.id}`, settings);
  let [outcome, opened, left] = [null as Outcome | null, false, false];
  const settle = (found: Outcome): void => {
    outcome ??= found;
  };
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const told = (): void => void setTimeout(() => socket.terminate(), leaveMs).unref();
  asked.signal.addEventListener('abort', told, { once: true });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    const code = /^Unexpected server response: (\d+)$/.exec(error.message)?.[1] ?? codeOf(error);
    settle(opened ? { is: 'broken', code } : { is: 'refused', code });
  });
  socket.once('open', () => (opened = true));
  const conversation = new Conversation(socket, asked, settle);
  socket.once('close', () => settle(left ? { is: 'whole' } : { is: opened ? 'broken' : 'refused', code: 'closed' }));
  await Promise.race([once(socket, 'open').catch(() => undefined), closed]);
  const silent = conversation.watch(door.patienceMs);
  for (let sent = 0; sent < asked.messages && socket.readyState === WebSocket.OPEN && !asked.signal.aborted; sent += 1) {
    await Promise.race([conversation.room(), closed]);
    if (socket.readyState === WebSocket.OPEN) conversation.send();
    await Promise.race([pause(asked.pauseMs), closed]);
  }
  await Promise.race([conversation.empty(), closed]);
  left = conversation.nothingUnderWay;
  socket.close(1000);
  // Whoever does not answer a close is left.
  const patience = setTimeout(() => socket.terminate(), 2_000);
  await closed;
  clearTimeout(patience);
  clearInterval(silent);
  asked.signal.removeEventListener('abort', told);
  return outcome ?? { is: 'whole' };
}

class Conversation {
  readonly #socket: WebSocket;
  readonly #content: Content;
  readonly #underWay: Buffer[] = [];
  #number = 0;
  #heardAt = performance.now();
  #waiting: (() => void)[] = [];

  constructor(socket: WebSocket, asked: EchoVisit, settle: (found: Outcome) => void) {
    this.#socket = socket;
    this.#content = new Content(asked.id);
    socket.on('message', (data: Buffer) => {
      const due = this.#underWay.shift();
      this.#heardAt = performance.now();
      if (due !== undefined && due.equals(data)) asked.onMessage(data.length);
      else {
        const [number, wanted] = [data.length < 4 ? 'none' : data.readUInt32BE(), due?.readUInt32BE()];
        settle({ is: 'wrong', why: `a message of ${data.length} bytes, number ${number}, where ${wanted} was due` });
        socket.terminate();
      }
      for (const resolve of this.#waiting.splice(0)) resolve();
    });
  }

  get nothingUnderWay(): boolean {
    return this.#underWay.length === 0;
  }

  send(): void {
    this.#number += 1;
    const message = this.#content.next(4 + ((this.#number * 7_919) % 30_000));
    message.writeUInt32BE(this.#number);
    // `ws` masks in place what it is given.
    this.#underWay.push(Buffer.from(message));
    this.#socket.send(message, () => undefined);
  }

  async room(): Promise<void> {
    while (this.#underWay.length >= underWayMax) await this.#heard();
  }

  async empty(): Promise<void> {
    while (this.#underWay.length > 0) await this.#heard();
  }

  #heard(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  watch(patienceMs: number): NodeJS.Timeout {
    this.#heardAt = performance.now();
    return setInterval(() => {
      if (this.#underWay.length > 0 && performance.now() - this.#heardAt > patienceMs) this.#socket.terminate();
    }, 250);
  }
}
