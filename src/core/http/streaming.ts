/** Which messages may be silent for long, by what they say of their content. */

import { fieldValue, type Fields } from './fields.ts';

/** A call of gRPC: both sides say what they want when they want. */
export function isGrpc(fields: Fields): boolean {
  return fieldValue(fields, 'content-type')?.startsWith('application/grpc') === true;
}

/** Events may be far between, and so may the messages of a call. */
export function mayBeSilent(fields: Fields): boolean {
  return isGrpc(fields) || fieldValue(fields, 'content-type')?.startsWith('text/event-stream') === true;
}
