/** What a CA is answered that asks whether a name is ours: by every process that shares the store, whichever it reaches. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { SecureContext } from 'node:tls';
import { z } from 'zod';
import type { ChallengeAnswers } from '../../contracts/certificate.ts';
import type { Closable } from '../../contracts/stream.ts';
import type { Change, Records } from '../../contracts/store.ts';
import { challengeContext } from './issued.ts';
import { keyOf } from './plan.ts';

const prefix = 'acme-answers/';
/** Longer than any order runs; a process that was killed leaves it behind so long. */
const lifeMs = 900_000;
/** The other processes of a store hear of a change within 300 ms. */
const spreadMs = 400;
/** Orders that are answered at one moment, of all processes. */
const answersMax = 100;

const kept = z.object({ name: z.string(), kind: z.enum(['http-01', 'tls-alpn-01']), token: z.string(), authorization: z.string() });
type Kept = z.infer<typeof kept>;

export interface SharedAnswers extends ChallengeAnswers, Closable {
  /** Resolves when every process can answer; `withdraw` ends it. */
  present(name: string, kind: 'http-01' | 'tls-alpn-01', token: string, authorization: string): Promise<void>;
  withdraw(name: string): Promise<void>;
}

export async function shareAnswers(records: Records, now: () => number): Promise<SharedAnswers> {
  const byToken = new Map<string, Kept>();
  const contexts = new Map<string, Readonly<{ context: SecureContext; token: string }>>();
  const forget = (key: string): void => {
    for (const [token, each] of byToken) if (prefix + keyOf(each.name) === key) byToken.delete(token);
    contexts.delete(key.slice(prefix.length));
  };
  const take = async ({ key, entry }: Change): Promise<void> => {
    forget(key);
    const each = kept.safeParse(entry?.value).data;
    if (each === undefined || byToken.size + contexts.size >= answersMax) return;
    if (each.kind === 'http-01') byToken.set(each.token, each);
    else contexts.set(keyOf(each.name), { context: await challengeContext(each.name, each.authorization, now()), token: each.token });
  };
  // One after the other: a withdrawal must not be overtaken by what it withdraws.
  let turn: Promise<void> = Promise.resolve();
  const queue = (change: Change): void => void (turn = turn.then(() => take(change)).catch(() => undefined));
  const watch = records.watch(prefix, queue);
  for (const entry of await records.list(prefix)) queue({ key: entry.key, entry });
  await turn;
  return {
    http: (host, token) => {
      const found = byToken.get(token);
      return found !== undefined && found.name === host ? found.authorization : null;
    },
    tls: (host) => contexts.get(host)?.context ?? null,
    present: async (name, kind, token, authorization) => {
      await records.put(prefix + keyOf(name), { name, kind, token, authorization } satisfies Kept, { ttlMs: lifeMs });
      await sleep(spreadMs);
      await turn;
    },
    withdraw: async (name) => void (await records.delete(prefix + keyOf(name))),
    close: async () => {
      watch.close();
      byToken.clear();
      contexts.clear();
    },
  };
}
