/** How long a visitor is waited for: until when something must have moved, and how fast a body must come and an answer be taken. */

import type { Deadline, ProtocolTools } from '../../../contracts/protocol.ts';
import type { Framing } from '../../../core/http/head.ts';

type Tools = Pick<ProtocolTools, 'limits' | 'deadlines'>;

/**
 * The one deadline of a visitor. By the time of the last look at all deadlines, so that what is called for each piece of a
 * body costs a sum and two comparisons.
 */
export class Patience implements Deadline {
  at: number;
  readonly expire: () => void;
  readonly #tools: Tools;
  /** By when what waits unsent must have been taken; Infinity while nothing has to wait. */
  #takenBy = Infinity;
  /** By when a body must be there of which nobody was told yet. */
  #heldBy = 0;
  #ended = false;
  readonly #lingerMs: number;

  constructor(tools: Tools, via: 'direct' | 'relay', expire: () => void) {
    this.#tools = tools;
    this.expire = expire;
    // Behind a relay a window of the answer may lie with it still, and a cut would overtake it.
    this.#lingerMs = via === 'relay' ? tools.limits.idleMs : tools.limits.lingerMs;
    this.at = tools.deadlines.time() + tools.limits.headMs;
  }

  /** Something moved: so long for the next. Who has ended their side has most likely left, and holds no stream for an hour. */
  allow(ms: number): void {
    const { answerMs } = this.#tools.limits;
    this.until(this.#tools.deadlines.time() + (this.#ended && ms > answerMs ? answerMs : ms));
  }

  /** Nothing that a visitor sends gives them longer to read what they were sent (slow read). */
  until(at: number): void {
    this.at = at < this.#takenBy ? at : this.#takenBy;
  }

  /** Nobody waits at this moment. */
  forget(): void {
    this.at = Infinity;
  }

  /** A body is awaited before anybody hears of it: all of it has one deadline, and a chunked one an early look besides. */
  hold({ is }: Framing): void {
    const { bodyHeldMs, idleMs } = this.#tools.limits;
    const now = this.#tools.deadlines.time();
    this.#heldBy = now + idleMs;
    this.until(is === 'chunked' ? now + bodyHeldMs : this.#heldBy);
  }

  /** Whether it has time left; then it is given. */
  holdOn(): boolean {
    this.until(this.#heldBy);
    return this.#tools.deadlines.time() < this.#heldBy;
  }

  /** A body begins, or its first bytes came before anybody took it. */
  begin(bytes: number): void {
    this.until(this.#tools.deadlines.time() + this.#tools.limits.bodyGraceMs);
    this.earn(bytes);
  }

  /**
   * So much of a body came. It earns the time that it would take at the lowest rate, and no more than `idleMs` ahead:
   * who sends a byte now and then runs out of it (slow POST), and who sends in bursts does not.
   */
  earn(bytes: number): void {
    const { bodyBytesPerSecondMin, idleMs } = this.#tools.limits;
    const earned = this.at + (bytes * 1_000) / bodyBytesPerSecondMin;
    const most = this.#tools.deadlines.time() + idleMs;
    this.until(earned < most ? earned : most);
  }

  /**
   * So many bytes wait unsent, and more is not written until they were taken. What the system holds and what of one write
   * has gone cannot be seen, so they have their whole time together.
   */
  full(bytes: number): void {
    const { answerBytesPerSecondMin, idleMs } = this.#tools.limits;
    const ms = (bytes * 1_000) / answerBytesPerSecondMin;
    this.#takenBy = this.#tools.deadlines.time() + (ms > idleMs ? ms : idleMs);
    this.at = this.#takenBy;
  }

  /** They were taken. */
  taken(): void {
    this.#takenBy = Infinity;
  }

  /** All that is to be said was taken: the short time to leave. */
  leave(): void {
    this.taken();
    this.allow(this.#lingerMs);
  }

  /** The visitor has ended their side. */
  end(): void {
    this.#ended = true;
    this.until(Math.min(this.at, this.#tools.deadlines.time() + this.#tools.limits.answerMs));
  }
}
