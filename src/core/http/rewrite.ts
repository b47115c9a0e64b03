/** Heads written anew by the operator's own rules: made once a configuration, asked for each exchange. */

import { connectionNames } from './connection.ts';
import { fieldOf, type Field, type Fields } from './fields.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import { authorityText } from './host.ts';
import { isProtected } from './removed-fields.ts';
import { outsideAddress, outsideCookie, outsideRefresh, type Outside } from './rewrite-outside.ts';
import { rewrittenTarget } from './rewrite-target.ts';
import type { FieldChanges, Rewriting } from './rewriting.ts';
import { writableField } from './writable.ts';

export type Rewriter = Readonly<{
  /** The target for the service; null where it has no single reading, and the request must be refused. */
  target: (head: RequestHead) => string | null;
  /** The head with that target and its fields. */
  request: (head: RequestHead) => RequestHead;
  /** @param asked the head as the visitor sent it; `scheme` what they spoke */
  response: (head: ResponseHead, asked: RequestHead, scheme: 'http' | 'https') => ResponseHead;
}>;

/**
 * @param inside authorities of the service with their ports, for Location and cookies; null leaves those as they are
 * Throws `program-failed` for a field that cannot be written: the configuration was checked before.
 */
export function makeRewriter(rewriting: Rewriting, inside: readonly string[] | null): Rewriter {
  const { path, query } = rewriting;
  const request = changer(rewriting.request);
  const response = changer(rewriting.response);
  const prefix = path?.is === 'prefix' ? { from: path.from, to: path.to } : null;
  const target = (head: RequestHead): string | null => rewrittenTarget(head, path, query);
  return {
    target,
    request: (head) => ({ ...head, target: target(head) ?? head.target, fields: request === null ? head.fields : request(head.fields) }),
    response: (head, asked, scheme) => {
      const { authority } = asked;
      const named = authority.host === '' ? '' : authorityText(authority);
      const outside = { scheme, authority: named, host: authority.host, inside: inside ?? [], path: prefix, cookies: rewriting.cookies };
      const seen = inside === null ? head.fields : head.fields.map((field) => outsideField(field, outside));
      return { ...head, fields: response === null ? seen : response(seen) };
    },
  };
}

function outsideField(field: Field, outside: Outside): Field {
  const value = outsideValue(field, outside);
  return value === field.value ? field : fieldOf(field.name, value);
}

function outsideValue({ lower, value }: Field, outside: Outside): string {
  switch (lower) {
    case 'location':
    case 'content-location':
      return outsideAddress(value, outside);
    case 'refresh':
      return outsideRefresh(value, outside);
    case 'set-cookie':
      return outsideCookie(value, outside);
    default:
      return value;
  }
}

/** Null when nothing is to be changed. */
function changer({ set, add, remove }: FieldChanges): ((fields: Fields) => Fields) | null {
  if (set.length + add.length + remove.length === 0) return null;
  const gone = new Set([...remove, ...set.map(([name]) => name.toLowerCase())].map(fold));
  const ours = [...set, ...add].map(([name, value]) => {
    writableField(name, value);
    return fieldOf(name, value);
  });
  return (fields) => {
    // Connection could name a field of ours, and take it away on the last steps of the way: it takes what it may here.
    const named = new Set(
      fields.flatMap(({ lower, value }) => (lower === 'connection' ? connectionNames(value).filter((name) => !isProtected(name)) : [])),
    );
    const kept = fields.filter(({ lower }) => lower !== 'connection' && !named.has(lower) && !gone.has(fold(lower)));
    return [...kept, ...ours];
  };
}

/** CGI and its like take X_Team for X-Team. */
function fold(lower: string): string {
  return lower.toLowerCase().replaceAll(/[^a-z0-9]/g, '-');
}
