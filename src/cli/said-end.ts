/** When something ends that a command makes: after a span, or at a moment. */

import { parseDuration } from '../core/duration.ts';
import { readInstant } from '../controlplane/config/forms.ts';
import { SallyportError } from '../core/errors.ts';
import { checkedFor } from './share-request.ts';

/** Undefined where nothing was said, null for never. Errors: `usage-wrong`. */
export function endOf(said: Readonly<{ for?: string | undefined; until?: string | undefined }>, now: number): number | null | undefined {
  if (said.until !== undefined) {
    if (said.for !== undefined) throw new SallyportError('usage-wrong', 'Say --for or --until, not both.');
    const moment = readInstant(said.until);
    if (moment !== null) return moment === 'never' ? null : moment;
    throw new SallyportError('usage-wrong', `--until ${JSON.stringify(said.until.slice(0, 64))} is no moment.`, {
      hint: 'Write it with its zone, like --until 2027-01-31T18:00:00Z or 2027-01-31T18:00:00+01:00.',
    });
  }
  if (said.for === undefined) return undefined;
  const span = checkedFor(said.for);
  const ms = span === null ? null : parseDuration(span);
  return typeof ms === 'number' ? now + ms : null;
}
