/** Hands a form below `/.sallyport/` to the guard that declared it, and the guard's reply back. */

import type { Code } from '../core/errors.ts';
import { fieldValue } from '../core/http/fields.ts';
import type { Reply } from '../core/http/reply.ts';
import type { PageAnswer, PageForm } from '../contracts/guard.ts';
import type { Call } from '../contracts/protocol.ts';
import type { Exchange } from '../core/policy/exchange.ts';
import { errorReply } from '../core/pages/error.ts';
import { foreignOrigin } from '../core/policy/origin.ts';

/** `answer` null: the uniform face. */
export type Submitted = Readonly<{ answer: Reply | null; code: Code | null; why: string | null }>;

/** As much of a call as this needs. */
export type Asked = Pick<Call, 'exchange' | 'gather'>;

/** As much of a service as this needs. */
export type Formed = Readonly<{ forms: readonly PageForm[]; guarded: boolean }>;

/** Null when the service has no such form: the caller answers as for any path. */
export async function submitForm(call: Asked, service: Formed, bytesMax = 16_384): Promise<Submitted | null> {
  const { exchange } = call;
  const path = exchange.http?.path;
  const method = exchange.http?.method;
  if (path === undefined || path === null || !path.clear || method === undefined) return null;
  const found = find(service.forms, method, path.text);
  if (found === null) return null;
  if (method === 'POST' && foreignOrigin(exchange) !== null)
    return refused(exchange, service, 'origin-foreign', 'a form was sent from another place');
  const fields = await read(call, method, bytesMax);
  if (fields === null) return refused(exchange, service, 'body-malformed', 'a form takes urlencoded fields within its limit');
  return submitted(await found.form.handle(exchange, { fields, rest: found.rest }));
}

function submitted(answer: PageAnswer): Submitted {
  if (!('is' in answer)) return { answer, code: null, why: null };
  return { answer: answer.answer, code: answer.is === 'done' ? null : answer.code, why: answer.why };
}

/** A guarded service shows its face, as a path without a form does: that there is one is nobody's business. */
function refused(exchange: Exchange, service: Formed, code: Code, why: string): Submitted {
  return { answer: service.guarded ? null : errorReply(exchange, code), code, why };
}

function find(forms: readonly PageForm[], method: string, path: string): { form: PageForm; rest: string } | null {
  for (const form of forms) {
    if (form.method !== method) continue;
    if (form.path === path) return { form, rest: '' };
    if (!form.path.endsWith('/*')) continue;
    const stem = form.path.slice(0, -1);
    const rest = path.slice(stem.length);
    if (path.startsWith(stem) && rest !== '' && !rest.includes('/')) return { form, rest };
  }
  return null;
}

/** A GET's fields are its query; a POST's are its body. */
async function read(call: Asked, method: string, bytesMax: number): Promise<URLSearchParams | null> {
  const http = call.exchange.http;
  if (http === null) return null;
  if (method === 'GET') {
    const query = http.target.indexOf('?');
    return new URLSearchParams(query === -1 ? '' : http.target.slice(query + 1));
  }
  const type = fieldValue(http.fields, 'content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') return null;
  const body = await call.gather(bytesMax);
  return body === null ? null : new URLSearchParams(new TextDecoder().decode(body));
}
