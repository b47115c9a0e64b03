/** What several backends of one service mean to an exchange: it may be sent once more, and its answer may say which it was. */

import type { Opened } from '../../../contracts/upstream.ts';
import type { Code } from '../../../core/errors.ts';
import type { Field } from '../../../core/http/fields.ts';
import type { RequestHead, ResponseHead } from '../../../core/http/head.ts';
import { isReplayable } from '../../../core/http/replayable.ts';

/**
 * Not a byte of an answer was seen. A connection that was used before may have been closing as our request came to it; where
 * another backend stands beside this one, an idempotent request is its to answer (RFC 9110, 9.2.2).
 */
export function mayBeRepeated(head: RequestHead, { reused, again }: Extract<Opened, { is: 'stream' }>, code: Code): boolean {
  const broken = code === 'upstream-broken' && (reused || again !== undefined);
  const late = code === 'upstream-timed-out' && again !== undefined;
  return (broken || late) && isReplayable(head);
}

/** The answer with the field that leads its visitor back. */
export function withOwn(head: ResponseHead, own: Field | undefined): ResponseHead {
  return own === undefined ? head : { ...head, own };
}
