/** What the owner hears of certificates, in words. */

import type { ContextsOptions } from '../controlplane/certificates/contexts.ts';
import type { ClientDeskOptions } from '../controlplane/certificates/clients/desk.ts';
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

/** Lists of what other authorities have revoked: without them nobody is let in by a certificate. */
export function revocationNews(onEvent: (event: GatewayEvent) => void): Pick<ClientDeskOptions, 'failed' | 'ending'> {
  return {
    failed: ({ code, message, hint }) => onEvent({ event: 'error', code, message, hint }),
    ending: (path, at) =>
      onEvent({
        event: 'warning',
        code: 'list-ending',
        message: `The list of revoked certificates ${path} ends on ${new Date(at).toISOString().slice(0, 16)}Z. Nobody is let in by a certificate after that.`,
        hint: 'Put a new one in its place (openssl ca -gencrl); it is read by itself.',
      }),
  };
}
