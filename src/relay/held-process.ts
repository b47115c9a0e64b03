/** A relay in a process of its own, as its holder sees it. */

import { spawn, type ChildProcess, type SendHandle } from 'node:child_process';
import type { ServiceUser } from '../controlplane/service-user.ts';
import type { Failed, Role, ToHolder, ToRelay } from './messages.ts';
import { readToHolder, roleVariable } from './messages.ts';

export type HeldOptions = Readonly<{
  role: Role;
  /** Everything behind the runtime: its flags, the program, the words. */
  words: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Asked for a socket. */
  bind: (host: string, port: number) => object | string;
  /** A socket is not needed any more. */
  release: (host: string, port: number) => void;
  /** The relay's operator asked it for an upgrade. */
  upgrade: () => void;
  /** Or for the end of all. */
  stop: () => void;
  /** It leaves the rights of root, and so must we. */
  become: (user: ServiceUser) => void;
}>;

type Said = ToHolder['is'];

export class HeldProcess {
  readonly #child: ChildProcess;
  readonly #options: HeldOptions;
  readonly #waiting = new Set<(message: ToHolder | null) => void>();
  /** Its exit code; 70 for a signal, and where it could not be started. */
  readonly exited: Promise<number>;
  #code: number | null = null;
  #failed: Failed | null = null;

  constructor(options: HeldOptions) {
    this.#options = options;
    this.#child = spawn(process.execPath, [...options.words], {
      env: { ...options.env, [roleVariable]: options.role },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message) => this.#hear(readToHolder(message)));
    this.exited = new Promise((resolve) => {
      const over = (code: number): void => {
        this.#code = code;
        for (const each of this.#waiting) each(null);
        resolve(code);
      };
      this.#child.once('error', () => over(70));
      this.#child.once('exit', (code) => over(code ?? 70));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }
  /** Its exit code, once it has ended. */
  get code(): number | null {
    return this.#code;
  }
  /** Why it did not come to listen, as far as it could say so. */
  get failed(): Failed {
    const message = `The process ended with exit code ${this.#code ?? 'none'} before it listened.`;
    return this.#failed ?? { is: 'failed', code: 'program-failed', message, hint: 'What it said stands above.' };
  }

  /** Resolves when it says so, with null when it ends first or takes too long. */
  says(what: Said, ms: number): Promise<ToHolder | null> {
    if (this.#code !== null) return Promise.resolve(null);
    return new Promise((resolve) => {
      const take = (message: ToHolder | null): void => {
        if (message !== null && message.is !== what) return;
        clearTimeout(timer);
        this.#waiting.delete(take);
        resolve(message);
      };
      const timer = setTimeout(take, ms, null);
      this.#waiting.add(take);
    });
  }

  tell(message: ToRelay, handle?: object): void {
    if (!this.#child.connected) return;
    // A bound socket is one of the handles that Node sends; its types name only those that it documents.
    this.#child.send(message, handle as SendHandle | undefined, {}, () => undefined);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #hear(message: ToHolder | null): void {
    if (message === null) return;
    if (message.is === 'failed') this.#failed = message;
    if (message.is === 'upgrade') this.#options.upgrade();
    if (message.is === 'stop') this.#options.stop();
    if (message.is === 'become') this.#options.become(message.user);
    if (message.is === 'release') this.#options.release(message.host, message.port);
    if (message.is === 'bind') {
      const { ask } = message;
      const found = this.#options.bind(message.host, message.port);
      if (typeof found === 'string') this.tell({ is: 'bound', ask, error: found });
      else this.tell({ is: 'bound', ask, error: null }, found);
    }
    for (const each of this.#waiting) each(message);
  }
}
