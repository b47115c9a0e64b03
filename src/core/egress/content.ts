/** What may be carried through a proxy in plain HTTP: how long it is, and of which kind. A tunnel holds what nobody here sees. */

import { fieldValue } from '../http/fields.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';

/** `types`: media types in lower case, like `text/*` or `application/json`; null for all. `bytesMax`: null for what the limits say. */
export type ContentRule = Readonly<{ bytesMax: number | null; types: readonly string[] | null }>;
export type ContentRules = Readonly<{ requests?: ContentRule | undefined; answers?: ContentRule | undefined }>;

/** Why a request is not sent on, by its head; null for nothing. Its length is counted on the way. */
export function unwantedRequest({ fields, framing }: RequestHead, rules: ContentRules | undefined): string | null {
  const types = rules?.requests?.types ?? null;
  if (types === null || framing.is === 'none') return null;
  return isOfType(fieldValue(fields, 'content-type'), types) ? null : 'the request is of a kind that is not let out';
}

/** The same of an answer. @param method of the request: an answer to HEAD has no content */
export function unwantedAnswer({ fields, framing, status }: ResponseHead, method: string, rules: ContentRules | undefined): string | null {
  const rule = rules?.answers;
  if (rule === undefined || method === 'HEAD' || status < 200 || status === 204 || status === 304) return null;
  if (framing.is === 'length' && isTooLong(framing.length, rules)) return tooLongWords;
  const empty = framing.is === 'none' || (framing.is === 'length' && framing.length === 0);
  if (rule.types === null || empty || isOfType(fieldValue(fields, 'content-type'), rule.types)) return null;
  return 'the answer is of a kind that is not let in';
}

export const tooLongWords = 'the answer is longer than is let in';

export function isTooLong(bytes: number, rules: ContentRules | undefined): boolean {
  return bytes > (rules?.answers?.bytesMax ?? Infinity);
}

/** What has no type, or two of them, is of none that can be named. */
function isOfType(value: string | undefined, types: readonly string[]): boolean {
  const type = /^([\w!#$&^.+-]+\/[\w!#$&^.+-]+)\s*(?:;|$)/.exec(value ?? '')?.[1]?.toLowerCase();
  if (type === undefined || value?.includes(',') === true) return false;
  return types.some((each) => (each.endsWith('/*') ? type.startsWith(each.slice(0, -1)) : type === each));
}
