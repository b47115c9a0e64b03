/** The lines that a program has said, and whoever waits for one of them. */

const patienceMs = 20_000;

/** One JSON object that the program printed; each key is looked at by the test that needs it. */
export type Line = Readonly<Record<string, unknown> & { event: string }>;

export class LineWatch {
  readonly lines: Line[] = [];
  stderr = '';
  ended = false;
  readonly #waiting = new Set<() => void>();

  add(line: Line): void {
    this.lines.push(line);
    this.#wake();
  }

  end(): void {
    this.ended = true;
    this.#wake();
  }

  /** The first line of that event that `where` holds for, past or to come. Rejects when the program ends before. */
  line(event: string, where: (line: Line) => boolean = () => true): Promise<Line> {
    const said = (): string => `it said ${JSON.stringify(this.lines)} ${this.stderr}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => done(new Error(`no "${event}" line in time; ${said()}`)), patienceMs);
      const done = (problem: Error | null, found?: Line): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        if (found === undefined) reject(problem ?? new Error('no line'));
        else resolve(found);
      };
      const look = (): void => {
        const found = this.lines.find((each) => each.event === event && where(each));
        if (found !== undefined) done(null, found);
        else if (this.ended) done(new Error(`ended without a "${event}" line; ${said()}`));
      };
      this.#waiting.add(look);
      look();
    });
  }

  #wake(): void {
    for (const look of this.#waiting) look();
  }
}
