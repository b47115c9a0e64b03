/** Records in a file: one line of JSON an exchange, written in batches, rotated by size, shared by the processes of one home. */

import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { auditLine, droppedLine } from '../../core/audit/line.ts';
import type { AuditEvent } from '../../core/audit/event.ts';
import { fileFault } from '../../core/system-error.ts';
import type { AuditLog } from '../../contracts/sink.ts';
import { LineBuffer } from './file-line-buffer.ts';
import { openLogFile, type LogFile } from './file-rotation.ts';

/** How long an event waits for company: what a `kill -9` may lose. */
const gatherMs = 50;
/** After a failure: until the disk has room again. */
const retryMs = 1_000;

export type FileSinkOptions = Readonly<{
  path: string;
  now: () => number;
  limits: Pick<Limits, 'logBytesMax' | 'logFilesMax' | 'logQueueBytesMax'>;
  /** Told once when writing begins to fail (`disk-full`, `home-unwritable`, `store-unavailable`), and with null when it works again. */
  trouble: (error: SallyportError | null) => void;
}>;

/**
 * Opens the file (0600, appended to; made when missing). Nothing that happens later stops the road: events wait in
 * memory up to `logQueueBytesMax`, then they are dropped and counted, and a later line says how many.
 * Errors: `disk-full`, `home-unwritable`.
 */
export async function openFileSink(options: FileSinkOptions): Promise<AuditLog> {
  try {
    const file = await openLogFile(options.path, options.limits);
    return new FileSink(options, file);
  } catch (error) {
    throw fileFault(error, 'opening', options.path);
  }
}

class FileSink implements AuditLog {
  readonly #options: FileSinkOptions;
  readonly #file: LogFile;
  readonly #lines = new LineBuffer();
  /** Whole lines that the disk did not take: they go first. */
  #left: Buffer = Buffer.alloc(0);
  #dropped = 0;
  #failing = false;
  #closed = false;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> | null = null;

  /** Bytes of all that is not written yet. */
  get #waiting(): number {
    return this.#left.length + this.#lines.length;
  }

  constructor(options: FileSinkOptions, file: LogFile) {
    this.#options = options;
    this.#file = file;
  }

  record(event: AuditEvent): void {
    const line = auditLine(event);
    if (this.#closed || this.#waiting + line.length > this.#options.limits.logQueueBytesMax) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#wake(this.#failing ? retryMs : gatherMs);
  }

  /** One more try when writing fails: what cannot be written goes on waiting. */
  async flush(): Promise<void> {
    // What is being written now may not hold the newest lines.
    await this.#writing;
    if (this.#waiting > 0) await this.#write();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.flush();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#file.close();
  }

  #wake(afterMs: number): void {
    if (this.#timer !== null || this.#writing !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#write();
    }, afterMs).unref();
  }

  #write(): Promise<void> {
    this.#writing ??= this.#batch().finally(() => {
      this.#writing = null;
      if (this.#waiting > 0 && !this.#closed) this.#wake(this.#failing ? retryMs : gatherMs);
    });
    return this.#writing;
  }

  async #batch(): Promise<void> {
    if (this.#dropped > 0) this.#lines.push(droppedLine(new Date(this.#options.now()).toISOString(), this.#dropped));
    this.#dropped = 0;
    const taken = this.#lines.take();
    // What landed is not written again, though the rest be tried for hours.
    this.#left = this.#left.length === 0 ? taken : Buffer.concat([this.#left, taken]);
    try {
      this.#left = this.#left.subarray(await this.#file.append(this.#left));
      if (this.#left.length > 0) throw Object.assign(new Error('the disk took only a part'), { code: 'ENOSPC' });
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#failing) this.#options.trouble(null);
    this.#failing = false;
  }

  #fail(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    const fault = fileFault(error, 'writing', this.#options.path);
    this.#options.trouble(
      fault instanceof SallyportError
        ? fault
        : new SallyportError('store-unavailable', `The log ${this.#options.path} cannot be written.`, {
            cause: error,
            hint: 'Look at the disk; writing is tried again each second.',
          }),
    );
  }
}
