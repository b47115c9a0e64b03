/** What Pound changes in requests and answers, as `rewrite` of ours: the same in a service and in a listener. */

import { isRemovedFromRequest, isRemovedFromResponse } from '../../core/http/removed-fields.ts';
import { isCondition } from './pound-match.ts';
import type { Directive } from './pound-text.ts';

/** Says why a line has no counterpart. */
export type Tell = (directive: Directive, why: string) => void;

/** The directives that change what is sent. */
export const rewritten: ReadonlySet<string> = new Set([
  'setheader',
  'addheader',
  'headeradd',
  'deleteheader',
  'headremove',
  'headerremove',
  'rewritelocation',
  'rewritedestination',
  'rewrite',
  'setpath',
  'setquery',
  'seturl',
  'deletequery',
  'setqueryparam',
]);

type Changes = { set: Record<string, string>; remove: string[] };

/** Fields that are set and taken out, and Location. Paths and queries are written by hand: their patterns are of another kind. */
export function rewriteOf(body: readonly Directive[], tell: Tell): Readonly<Record<string, unknown>> | null {
  const request: Changes = { set: {}, remove: [] };
  const response: Changes = { set: {}, remove: [] };
  let outside = false;
  const take = (each: Directive, into: Changes, allowed: (lower: string) => boolean): void => {
    if (!changed(each, into, allowed) && !isAlwaysRemoved(each))
      tell(each, 'this change cannot be said here; rewrite: has fields, path and query');
  };
  for (const each of body) {
    if (each.key === 'rewritelocation' || each.key === 'rewritedestination') outside ||= each.words[0] !== '0';
    else if (each.key === 'rewrite') {
      const isAnswer = each.words[0]?.toLowerCase() === 'response';
      for (const inner of each.body ?? [])
        if (isCondition(inner) || inner.key === 'else') tell(inner, 'a change is not bound to a condition: make a route of it');
      if (each.body?.some((inner) => isCondition(inner) || inner.key === 'else') === true) continue;
      for (const inner of each.body ?? []) take(inner, isAnswer ? response : request, isAnswer ? answerField : requestField);
    } else if (rewritten.has(each.key)) take(each, request, requestField);
  }
  const parts = {
    ...(isEmpty(request) ? {} : { request: shown(request) }),
    ...(isEmpty(response) ? {} : { response: shown(response) }),
    ...(outside ? { outside: true } : {}),
  };
  return Object.keys(parts).length === 0 ? null : parts;
}

/** What a visitor says of other proxies never passes. */
function isAlwaysRemoved({ key, words }: Directive): boolean {
  return /^(?:deleteheader|headremove|headerremove)$/.test(key) && /^\^?x-forwarded-[\w-]+(?:\s*:.*)?$/i.test(words[0] ?? '');
}

function changed({ key, words }: Directive, into: Changes, allowed: (lower: string) => boolean): boolean {
  const [text = ''] = words;
  if (words.length !== 1) return false;
  if (key === 'setheader' || key === 'addheader' || key === 'headeradd') {
    const [, name = '', value = ''] = /^([\w-]{1,100})\s*:\s*(.*?)\s*$/.exec(text) ?? [];
    // What a visitor sent, or a pattern found, is no fixed value.
    if (name === '' || /%\[|\$[\d{]|[^\x20-\x7e]/.test(value) || !allowed(name.toLowerCase()) || name.toLowerCase() === 'set-cookie')
      return false;
    into.set[name.toLowerCase()] = value;
    return true;
  }
  if (key === 'deleteheader' || key === 'headremove' || key === 'headerremove') {
    const [, name = ''] = /^\^?([\w-]{1,100})(?:\s*:.*)?$/.exec(text) ?? [];
    if (name === '' || !allowed(name.toLowerCase())) return false;
    into.remove.push(name.toLowerCase());
    return true;
  }
  return false;
}

const requestField = (lower: string): boolean => !isRemovedFromRequest(lower) && !['content-encoding', 'max-forwards'].includes(lower);
const answerField = (lower: string): boolean =>
  !isRemovedFromResponse(lower) && !['via', 'date', 'content-encoding', 'content-range', 'host'].includes(lower);

const isEmpty = ({ set, remove }: Changes): boolean => Object.keys(set).length + remove.length === 0;

function shown({ set, remove }: Changes): Readonly<Record<string, unknown>> {
  return { ...(Object.keys(set).length === 0 ? {} : { set }), ...(remove.length === 0 ? {} : { remove: [...new Set(remove)] }) };
}
