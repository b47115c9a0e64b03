/** Chooses what a refused visitor sees: one face for strangers, plain words for who was let in. */

import type { Code } from '../core/errors.ts';
import type { Reply } from '../core/http/reply.ts';
import type { Exchange } from '../core/policy/exchange.ts';
import { errorReply } from '../core/pages/error.ts';
import { proxyAnswer } from '../core/pages/proxy-answer.ts';
import type { Service, Snapshot } from '../contracts/snapshot.ts';

export type Answers = Readonly<{
  exchange: Exchange;
  snapshot: Snapshot;
  service: Service | null;
  code: Code;
  /** Whether the identify stage had passed: only then does the answer say what is wrong. */
  identified: boolean;
  /** A guard's own answer, or null for the one that is due. */
  proposed: Reply | null;
}>;

/** Codes that tell of the request itself, not of what lies behind: they are the same for every path and service. */
const plain: ReadonlySet<Code> = new Set<Code>(['host-misdirected', 'credentials-throttled', 'program-failed']);

/**
 * To a stranger every path of a guarded service answers the same, whether route, rule or service exists;
 * and a name that nobody has answers as a guarded one does, unless this gateway guards nothing.
 */
export function answerFor(answers: Answers): Reply {
  const { exchange, snapshot, service, code, identified, proposed } = answers;
  if (exchange.listener.proxy !== undefined) return proxyAnswer(exchange, code, identified, proposed);
  if (proposed !== null) return proposed;
  const stranger = !identified && !plain.has(code);
  const guarded = service?.guarded ?? snapshot.services.some((each) => each.guarded);
  if (stranger && guarded) return snapshot.face(exchange, code === 'credentials-wrong' ? 'credentials-wrong' : 'credentials-missing');
  return service?.errorPage?.(exchange, code) ?? errorReply(exchange, code);
}
