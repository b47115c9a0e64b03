/** Which requests may be sent a second time when a kept connection turns out to be closed. */

import type { RequestHead } from './head.ts';

/**
 * RFC 9110, 9.2.2: only idempotent methods may be repeated without knowing whether the first was carried out,
 * and only where there is no body, of which a part may be gone. A WebSocket begins once.
 */
export function isReplayable(head: RequestHead): boolean {
  if (head.framing.is !== 'none' || head.upgrade !== null) return false;
  switch (head.method) {
    case 'GET':
    case 'HEAD':
    case 'OPTIONS':
    case 'TRACE':
    case 'PUT':
    case 'DELETE':
      return true;
    default:
      return false;
  }
}
