/** Who waits for a sign of life of a carrier. */

export class Probes {
  #waiting: ((alive: boolean) => void)[] = [];

  /** Resolves with whether it was answered within this time. */
  ask(ms: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, ms, false);
    this.#waiting.push((alive) => {
      clearTimeout(timer);
      resolve(alive);
    });
    return promise;
  }

  answer(alive: boolean): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const answer of waiting) answer(alive);
  }
}
