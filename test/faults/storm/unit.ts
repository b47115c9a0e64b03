/** A process under supervision, as systemd would have it: whatever ended is started again, and what ended by itself is told. */

import { setTimeout as pause } from 'node:timers/promises';
import { openFiles, residentBytes } from '../../e2e/memory.ts';
import type { Line, Program } from '../../e2e/program.ts';
import type { Violations } from './tally.ts';

/** One life of the process. */
export type Life = Readonly<{ program: Pick<Program, 'child' | 'pid' | 'lines' | 'stderr' | 'exited'>; ready: Promise<Line> }>;

export type Role = 'relay' | 'gateway' | 'service';

export type Footprint = Readonly<{ residentBytes: number; files: number }>;

/** systemd's RestartSec. */
const restartMs = 100;
/** For an end that was asked for. */
const endMs = 15_000;

export class Unit {
  readonly role: Role;
  readonly name: string;
  readonly lives: Life[] = [];
  readonly #begin: () => Life;
  readonly #violations: Violations;
  #asked: 'nothing' | 'killed' | 'ended' = 'nothing';
  #over = false;

  constructor(role: Role, name: string, begin: () => Life, violations: Violations) {
    this.role = role;
    this.name = name;
    this.#begin = begin;
    this.#violations = violations;
  }

  /** Resolves with what it has said when it was ready. */
  start(): Promise<Line> {
    return this.#live().ready;
  }

  /** The process that serves: of a relay it is a child of the one that was started. */
  get pid(): number {
    const program = this.lives.at(-1)?.program;
    const said = program?.lines.findLast(({ event }) => event === 'listening')?.['pid'];
    return typeof said === 'number' ? said : (program?.pid ?? 0);
  }

  /** `kill -9`; resolves when the process is gone. */
  kill(): Promise<unknown> {
    return this.#send('SIGKILL', 'killed');
  }

  /** SIGTERM; resolves when it has ended in good order. */
  async restart(): Promise<void> {
    const gone = this.#send('SIGTERM', 'ended');
    const inTime = await Promise.race([gone.then(() => true), pause(endMs, false, { ref: false })]);
    if (inTime) return;
    this.#violations.add(`${this.name} did not end within ${endMs / 1_000} s of SIGTERM`);
    await this.kill();
  }

  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** Ends it for good. */
  async end(): Promise<void> {
    this.#over = true;
    await this.restart();
  }

  /** Starts nothing more: somebody else ends what runs. */
  abandon(): void {
    this.#over = true;
    this.#asked = 'killed';
  }

  /** Nothing, in the moment between two of its lives. */
  footprint(): Footprint {
    try {
      return { residentBytes: residentBytes(this.pid), files: openFiles(this.pid) };
    } catch {
      return { residentBytes: 0, files: 0 };
    }
  }

  #send(signal: NodeJS.Signals, asked: 'killed' | 'ended'): Promise<unknown> {
    const life = this.lives.at(-1);
    this.#asked = asked;
    if (life === undefined) return Promise.resolve();
    life.program.child.kill(signal);
    return life.program.exited;
  }

  #live(): Life {
    const life = this.#begin();
    this.lives.push(life);
    this.#asked = 'nothing';
    life.ready.catch(() => undefined);
    void this.#awaitEnd(life);
    return life;
  }

  async #awaitEnd({ program }: Life): Promise<void> {
    const code = await program.exited;
    if (this.#asked === 'nothing') this.#violations.add(`${this.name} ended by itself: ${endOf(program.child)}; ${saidBy(program)}`);
    if (this.#asked === 'ended' && code !== 0) this.#violations.add(`${this.name} was told to end: ${endOf(program.child)}`);
    this.#judgeOutput(program);
    if (this.#over) return;
    await pause(restartMs);
    if (!this.#over) this.#live();
  }

  /** Faults of its own, in what it has said. */
  #judgeOutput(program: Life['program']): void {
    if (program.stderr() !== '') this.#violations.add(`${this.name} said on standard error: ${program.stderr().slice(0, 500)}`);
    for (const line of program.lines) {
      const own = line.event === 'error' || (line.event === 'warning' && line['code'] === 'program-failed');
      if (line.event === 'violation') this.#violations.add(`${this.name}: ${String(line['what'])}`);
      else if (own) this.#violations.add(`${this.name} said ${JSON.stringify(line).slice(0, 500)}`);
    }
  }
}

function endOf(child: Program['child']): string {
  return child.signalCode === null ? `exit code ${child.exitCode}` : child.signalCode;
}

function saidBy({ lines, stderr }: Life['program']): string {
  return `${lines.slice(-3).map((line: Line) => JSON.stringify(line))} ${stderr().slice(0, 500)}`;
}
