/** What the owner hears of certificates, in words. */

import type { ContextsOptions } from '../controlplane/certificates/contexts.ts';
import type { GatewayEvent } from '../controlplane/config/running.ts';
import { SallyportError } from '../core/errors.ts';
import { messageOf } from './parts.ts';

/** Files that have changed and cannot be used. */
export function filesFailed(error: unknown): GatewayEvent {
  const known = error instanceof SallyportError ? error : null;
  const message = `${messageOf(error)} The certificates from before stay.`;
  return { event: 'error', code: known?.code ?? 'program-failed', message, hint: known?.hint ?? null };
}

export function certificateNews(onEvent: (event: GatewayEvent) => void): Pick<ContextsOptions, 'made' | 'failed' | 'ending'> {
  return {
    made: (_names, leaf) => {
      if (leaf.notice !== null) onEvent({ event: 'warning', code: 'ca-renewed', message: leaf.notice, hint: null });
    },
    failed: (names, error) =>
      onEvent({
        event: 'warning',
        code: 'certificate-failed',
        message: `The certificate of ${names.join(', ')} could not be renewed: ${messageOf(error)}`,
        hint: null,
      }),
    ending: ({ names, notAfter }) =>
      onEvent({
        event: 'warning',
        code: 'certificate-ending',
        message: `The certificate of ${names.join(', ')} ends on ${new Date(notAfter).toISOString().slice(0, 16)}Z, and nothing has renewed it.`,
        hint: 'Put the renewed one in its place; it is read by itself.',
      }),
  };
}
