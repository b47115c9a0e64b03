/** Sending mail: a few letters at a time, the rest in a bounded queue, each verified and in its time. Nobody waits for one. */

import type { Letter, MailPlan, Post } from '../../contracts/mail.ts';
import type { Closable } from '../../contracts/stream.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { readTrust } from '../issuers/trust.ts';
import { deliver, type Server } from './mail-delivery.ts';

export type PostOptions = Readonly<{
  limits: Limits;
  now: () => number;
  /** Secrets by name. */
  secret: (name: string) => Uint8Array | null;
  /** A letter was not sent, or those after such a one are again: null. Told once for a row of failures of one kind. */
  trouble: (error: SallyportError | null) => void;
}>;

type Waiting = Readonly<{ server: Server; letter: Letter; tries: number }>;

/** A server that is away for a moment is asked once more. */
const triesMax = 2;

export function createPost({ limits, now, secret, trouble }: PostOptions): Post & Closable {
  const stop = new AbortController();
  const queue: Waiting[] = [];
  const pauses = new Set<NodeJS.Timeout>();
  let running = 0;
  const news = new News({ limits, now, trouble });

  const next = (): void => {
    while (running < limits.mailsAtOnceMax && !stop.signal.aborted) {
      const waiting = queue.shift();
      if (waiting === undefined) return;
      running += 1;
      void send(waiting).finally(() => {
        running -= 1;
        next();
      });
    }
  };
  const send = async ({ server, letter, tries }: Waiting): Promise<void> => {
    const failed = await deliver(server, letter, AbortSignal.any([stop.signal, AbortSignal.timeout(limits.mailMs)]));
    if (stop.signal.aborted) return;
    if (failed === null) return news.good();
    if (!failed.isLasting && tries + 1 < triesMax) {
      const pause = setTimeout(() => {
        pauses.delete(pause);
        queue.push({ server, letter, tries: tries + 1 });
        next();
      }, limits.mailAgainMs);
      pauses.add(pause);
      return;
    }
    news.bad(failed.why, server);
  };

  return {
    by: (plan) => {
      const server = serverOf(plan, secret);
      return {
        send: (letter) => {
          if (queue.length + pauses.size >= limits.mailQueueMax || stop.signal.aborted) {
            if (!stop.signal.aborted) news.bad('too many wait', server);
            return false;
          }
          queue.push({ server, letter, tries: 0 });
          // Not in the turn of the visitor who asked: what a listed address costs must not be seen in their answer.
          setImmediate(next);
          return true;
        },
      };
    },
    close: async () => {
      stop.abort();
      queue.length = 0;
      for (const pause of pauses) clearTimeout(pause);
    },
  };
}

/** What the owner is told of a server that does not take our letters. */
class News {
  readonly #options: Pick<PostOptions, 'limits' | 'now' | 'trouble'>;
  #told: Readonly<{ why: string; at: number }> | null = null;

  constructor(options: Pick<PostOptions, 'limits' | 'now' | 'trouble'>) {
    this.#options = options;
  }

  good(): void {
    if (this.#told !== null) this.#options.trouble(null);
    this.#told = null;
  }

  /** One that is away fails for each visitor: its owner reads of it once in ten minutes. */
  bad(why: string, { host, port }: Server): void {
    const { limits, now, trouble } = this.#options;
    if (this.#told?.why === why && now() - this.#told.at < limits.mailTroubleMs) return;
    this.#told = { why, at: now() };
    trouble(
      new SallyportError('mail-undelivered', `A mail could not be sent through ${host}:${port}: ${why}.`, {
        hint: 'Whoever asked for a code waits for it in vain. See mail: in the configuration.',
      }),
    );
  }
}

/** Errors: `secret-missing`, `file-missing`, `config-malformed`. */
function serverOf(plan: MailPlan, secret: PostOptions['secret']): Server {
  const { secret: name, ca, ...server } = plan;
  if (name !== null && secret(name) === null)
    throw new SallyportError('secret-missing', `The password of the mail server, the secret ${name}, is not stored.`, {
      hint: `Store it: sallyport secrets add ${name} --mail`,
    });
  return {
    ...server,
    ca: readTrust(ca ?? undefined),
    // Read when it is needed: another password holds from the next letter on.
    password: () => (name === null ? null : Buffer.from(secret(name) ?? []).toString('utf8')),
  };
}
