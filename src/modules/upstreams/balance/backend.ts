/** One backend as the process knows it, whatever configurations came and went: whether it is there, and what it carries. */

import type { Duplex } from 'node:stream';
import { Standing, type StandingRules } from '../../../core/balance/standing.ts';

export class Backend {
  /** What status and log call it. */
  readonly words: string;
  readonly standing: Standing;
  /** Exchanges that it carries now. */
  live = 0;
  /** How many lists of configurations name it. */
  holders = 0;
  /** Whoever waits for an answer that another could give as well, with what the stream had said before. */
  readonly #waiting = new Map<Duplex, number>();

  constructor(words: string, rules: StandingRules, at: number) {
    this.words = words;
    this.standing = new Standing(rules, at);
  }

  wait(stream: Duplex): void {
    this.#waiting.set(stream, bytesRead(stream));
  }

  leave(stream: Duplex): void {
    this.#waiting.delete(stream);
  }

  /** Ends the streams of those who have not heard a byte: they are led elsewhere. Who has heard one may hear the rest. */
  shed(): void {
    for (const [stream, before] of [...this.#waiting]) {
      if (bytesRead(stream) === before) stream.destroy();
    }
  }
}

function bytesRead(stream: Duplex): number {
  return 'bytesRead' in stream && typeof stream.bytesRead === 'number' ? stream.bytesRead : 0;
}
