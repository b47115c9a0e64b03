/** Who is at a relay: how many, and which of them have not said yet where they want to go. */

import type { Stream } from '../contracts/stream.ts';

export class Visitors {
  readonly #all = new Set<Stream>();
  readonly #unheard = new Set<Stream>();
  /** Told at each change. */
  #changed: () => void = () => undefined;

  get size(): number {
    return this.#all.size;
  }

  /** How many have not said yet where they want to go. */
  get unheard(): number {
    return this.#unheard.size;
  }

  come(stream: Stream): void {
    this.#all.add(stream);
    this.#unheard.add(stream);
  }

  /** Its hello was read: from here on it is routed, in this turn. */
  heard(stream: Stream): void {
    this.#unheard.delete(stream);
    this.#changed();
  }

  /** It has left, or was a carrier. */
  gone(stream: Stream): void {
    this.#all.delete(stream);
    this.#unheard.delete(stream);
    this.#changed();
  }

  /** Resolves when everybody has been heard; whoever says nothing for so long is dropped. */
  async allHeard(ms: number): Promise<void> {
    await this.#until(() => this.#unheard.size === 0, ms);
    for (const stream of this.#unheard) stream.destroy();
  }

  /** Resolves when nobody is here any more, or after so long. */
  async allGone(ms: number): Promise<void> {
    await this.#until(() => this.#all.size === 0, ms);
  }

  #until(holds: () => boolean, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#changed = () => undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#changed = () => (holds() ? done() : undefined);
      this.#changed();
    });
  }
}
