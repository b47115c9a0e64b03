/** A process under supervision, as systemd would have it: whatever ended is started again, and what ended by itself is told. */

import { setTimeout as pause } from 'node:timers/promises';
import { openFiles, residentBytes } from '../../e2e/memory.ts';
import type { Line, Program } from '../../e2e/program.ts';
import type { Violations } from './tally.ts';

/** One life of the process. */
export type Life = Readonly<{ program: Pick<Program, 'child' | 'pid' | 'lines' | 'stderr' | 'exited'>; ready: Promise<Line> }>;

export type Role = 'relay' | 'gateway' | 'service' | 'connect';

export type Footprint = Readonly<{ residentBytes: number; files: number }>;

/** systemd's RestartSec. */
const restartMs = 100;
/** For an end that was asked for. */
const endMs = 15_000;
/** For a relay whose holder is gone. */
const orphanMs = 20_000;
const lookMs = 20;

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

  /** Whether one process has served all the time. */
  get steady(): boolean {
    const lines = this.lives[0]?.program.lines ?? [];
    return this.lives.length === 1 && (this.role !== 'relay' || lines.filter((line) => line.event === 'listening').length === 1);
  }

  /** `kill -9` of what was started; resolves when the process is gone. */
  kill(): Promise<unknown> {
    return this.#send('SIGKILL', 'killed');
  }

  /** `kill -9` of the process that serves; resolves when it is gone. Of a relay its holder lives, and starts the next. */
  async crash(): Promise<void> {
    const { pid } = this;
    if (pid === this.lives.at(-1)?.program.pid) return void (await this.kill());
    signal(pid, 'SIGKILL');
    while (alive(pid)) await pause(lookMs);
  }

  /** A successor takes a relay's place. Resolves with whether it has come; if not, the relay has said why. */
  async upgrade(): Promise<boolean> {
    const { pid: before } = this;
    const life = this.lives.at(-1);
    if (life === undefined) return false;
    const saidBefore = life.program.lines.length;
    life.program.child.kill('SIGHUP');
    for (;;) {
      if (this.pid !== before) return true;
      const since = life.program.lines.slice(saidBefore);
      if (since.some((line) => line['code'] === 'successor-failed') || life !== this.lives.at(-1)) return false;
      await pause(lookMs);
    }
  }

  /** Relays that were told to leave and have not said that they left. */
  leavers(): readonly unknown[] {
    const lines = this.lives.at(-1)?.program.lines ?? [];
    const pidsOf = (event: string): readonly unknown[] => lines.filter((line) => line.event === event).map((line) => line['pid']);
    const left = new Set(pidsOf('left'));
    return pidsOf('leaving').filter((pid) => !left.has(pid) && alive(Number(pid)));
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
    signal(this.pid, 'SIGSTOP');
  }

  thaw(): void {
    signal(this.pid, 'SIGCONT');
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
    if (this.role === 'relay') void this.#awaitOrphans(program);
    if (this.#over) return;
    await pause(restartMs);
    if (!this.#over) this.#live();
  }

  /** The relays of a holder end with it. */
  async #awaitOrphans({ lines }: Life['program']): Promise<void> {
    const pids = lines.filter((line) => line.event === 'listening').map((line) => Number(line['pid']));
    for (const end = performance.now() + orphanMs; pids.some(alive); await pause(lookMs))
      if (performance.now() > end) return this.#violations.add(`${this.name} left ${pids.filter(alive).join(', ')} behind`);
  }

  /** Faults of its own, in what it has said. */
  #judgeOutput(program: Life['program']): void {
    if (program.stderr() !== '') this.#violations.add(`${this.name} said on standard error: ${program.stderr().slice(0, 500)}`);
    for (const line of program.lines) {
      // What is away is the visitor's affair: `connect` says so, and goes on.
      const away = this.role === 'connect' && line['code'] === 'address-unreachable';
      const own = (line.event === 'error' && !away) || (line.event === 'warning' && line['code'] === 'program-failed');
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

/** To a process that may be gone. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself, or was killed, a moment ago: its supervisor knows.
  }
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
