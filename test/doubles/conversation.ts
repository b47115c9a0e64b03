/** A conversation of a visitor, our http1 and a service, over pairs of streams: the test decides the time. */

import assert from 'node:assert/strict';
import { duplexPair, type Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { Call, Deadline, ProtocolTools, Tally } from '../../src/contracts/protocol.ts';
import { limitsWith, type Limits } from '../../src/core/limits.ts';
import { http1 } from '../../src/modules/protocols/http1.ts';

/** A visitor's end, a service's end, and what became of each exchange; the test decides the time. */
export class Conversation {
  readonly visitor: Duplex;
  /** Our end of the visitor's connection. */
  readonly ours: Duplex;
  readonly tallies: Tally[] = [];
  readonly calls: Call[] = [];
  readonly refusals: string[] = [];
  /** The service's ends, one for each connection that was opened. */
  readonly services: Duplex[] = [];
  readonly released: boolean[] = [];
  reused = false;
  /** Services that are opened while it is set read nothing. */
  stopReading = false;
  /** By the clock of deadlines. */
  now = 1_000_000;
  /** How far the system's clock has been moved away from it. */
  jump = 0;
  /** The value of Strict-Transport-Security, where it is said. */
  strict: string | null = null;
  heard = '';
  said = '';
  ended = false;
  readonly #deadlines = new Set<Deadline>();

  constructor(
    limits: Partial<Limits> = {},
    decide?: (call: Call, conversation: Conversation) => Promise<Tally>,
    via: 'direct' | 'relay' = 'direct',
  ) {
    const [visitor, ours] = duplexPair();
    this.visitor = visitor;
    this.ours = ours;
    visitor.on('data', (bytes: Buffer) => {
      this.heard += bytes.toString('latin1');
    });
    visitor.on('end', () => {
      this.ended = true;
    });
    visitor.on('error', () => undefined);
    const tools: ProtocolTools = {
      now: () => this.now + this.jump,
      newId: () => 'ID',
      limits: limitsWith(limits),
      deadlines: {
        time: () => this.now,
        add: (each) => void this.#deadlines.add(each),
        delete: (each) => void this.#deadlines.delete(each),
      },
      strictTransport: () => this.strict,
      httpDate: () => 'Sat, 21 Nov 2026 09:00:00 GMT',
      splice: async () => ({ bytesAToB: 0, bytesBToA: 0, code: null, why: null }),
      refused: (_arrival, code) => void this.refusals.push(code),
    };
    const listener = { name: 'test', scheme: 'https', port: 443, via, loopback: true } as const;
    const arrival = { stream: ours, listener, from: { ip: '192.0.2.7', port: 5 }, sni: null };
    void http1.serve(arrival, tools, (call) => void this.#decide(call, decide));
  }

  async #decide(call: Call, decide?: (call: Call, conversation: Conversation) => Promise<Tally>): Promise<void> {
    this.calls.push(call);
    this.tallies.push(await (decide === undefined ? this.proceed(call) : decide(call, this)));
    call.end();
  }

  proceed(call: Call): Promise<Tally> {
    const [service, ours] = duplexPair();
    this.services.push(service);
    service.on('data', (bytes: Buffer) => {
      this.said += bytes.toString('latin1');
    });
    service.on('error', () => undefined);
    if (this.stopReading) service.pause();
    const release = (reusable: boolean): void => {
      this.released.push(reusable);
      if (!reusable) ours.destroy();
    };
    return new Promise((settled, broke) => {
      const to = { is: 'stream', stream: ours, reused: this.reused, release } as const;
      call.proceed(to, { host: null, hostless: 'app.internal:3000', spent: [], forwarded: true }, { settled, broke });
    });
  }

  get service(): Duplex {
    const last = this.services.at(-1);
    assert.ok(last !== undefined, 'no connection to the service was opened');
    return last;
  }

  async pass(ms = 0): Promise<void> {
    for (let each = 0; each < 12; each += 1) await turn();
    if (ms === 0) return;
    this.now += ms;
    for (const deadline of this.#deadlines) if (deadline.at <= this.now) deadline.expire();
    await this.pass();
  }

  async visit(text: string): Promise<void> {
    this.visitor.write(text, 'latin1');
    await this.pass();
  }

  async answer(text: string): Promise<void> {
    this.service.write(text, 'latin1');
    await this.pass();
  }
}
