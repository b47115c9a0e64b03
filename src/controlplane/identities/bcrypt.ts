/** bcrypt in worker threads, as many as hash at once: started when the first is needed, and ended when none was for a while. */

import { Worker } from 'node:worker_threads';

/** Starting one costs some 50 ms; one that is idle holds some 5 MiB. */
const idleMs = 60_000;

type Job = Readonly<{ id: number; done: (right: boolean) => void; failed: (error: Error) => void }>;

/** One password at a time each. Whoever calls says how many at once. */
export function createBcrypt(): (password: string, hash: string) => Promise<boolean> {
  const idle = new Set<BcryptThread>();
  return async (password, hash) => {
    const [first] = idle;
    const thread = first ?? new BcryptThread((gone) => void idle.delete(gone));
    idle.delete(thread);
    const right = await thread.compare(password, hash);
    idle.add(thread);
    return right;
  };
}

class BcryptThread {
  readonly #worker = new Worker(new URL('./bcrypt-worker.ts', import.meta.url));
  readonly #ended: (thread: BcryptThread) => void;
  #job: Job | null = null;
  #ids = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(ended: (thread: BcryptThread) => void) {
    this.#ended = ended;
    this.#worker.on('message', ({ id, right }: Readonly<{ id: number; right: boolean }>) => {
      const job = this.#job;
      if (job === null || job.id !== id) return;
      this.#rest();
      job.done(right);
    });
    this.#worker.on('error', (error) => this.#fail(error instanceof Error ? error : new Error('the thread failed')));
    this.#worker.on('exit', () => this.#fail(new Error('the thread ended')));
    this.#worker.unref();
  }

  compare(password: string, hash: string): Promise<boolean> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    // A login that is checked is work: the process does not end under it.
    this.#worker.ref();
    return new Promise((done, failed) => {
      const id = (this.#ids += 1);
      this.#job = { id, done, failed };
      this.#worker.postMessage({ id, password, hash });
    });
  }

  #rest(): void {
    this.#job = null;
    this.#worker.unref();
    this.#timer = setTimeout(() => {
      this.#ended(this);
      void this.#worker.terminate();
    }, idleMs).unref();
  }

  #fail(error: Error): void {
    const job = this.#job;
    this.#job = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#ended(this);
    job?.failed(error);
  }
}
