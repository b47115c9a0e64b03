/** The firewall's pack `protocol`: requests that are HTTP by the letter, and that two readers would take for two things all the same. */

import type { Fields } from '../http/fields.ts';
import type { RequestHead } from '../http/head.ts';
import { decoded } from './firewall.ts';

/** `rule` is its name for logs, `what` what is refused, in words of ours: nothing of the message stands in either. */
export type Breach = Readonly<{ rule: string; what: string }>;

/** The first rule that a request breaks; null for none. RFC 9110 and 9112, and what OWASP's core rule set calls protocol enforcement. */
export function requestBreach(head: RequestHead): Breach | null {
  return targetBreach(head.target) ?? fieldsBreach(head.fields) ?? bodyBreach(head);
}

const control: Breach = { rule: 'control', what: 'a control character in the path' };
const encoding: Breach = { rule: 'encoding', what: 'a path that is not encoded as RFC 3986 says' };
const splitting: Breach = { rule: 'splitting', what: 'a line end and a field of HTTP in the query' };
const fragment: Breach = { rule: 'fragment', what: 'a fragment in the address' };

function targetBreach(target: string): Breach | null {
  if (target.includes('#')) return fragment;
  if (!target.includes('%')) return null;
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  if (/%(?![0-9a-f]{2})|%c[01]%[89ab]/i.test(path)) return encoding;
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(decoded(decoded(path)))) return control;
  return mark !== -1 && splits(decoded(decoded(target.slice(mark + 1)))) ? splitting : null;
}

/** Line ends alone are text that somebody has typed. */
function splits(text: string): boolean {
  return /[\r\n][\t +]{0,8}(?:(?:content-(?:type|length)|set-cookie|location|transfer-encoding)[\t ]{0,8}:|HTTP\/[0-9])/i.test(text);
}

/** Fields that stand once (RFC 9110, 5.3): of two, readers take the first, the last, or both. */
const once: ReadonlySet<string> = new Set([
  ...['content-type', 'content-encoding', 'content-location', 'authorization', 'origin', 'referer', 'range', 'if-range'],
  ...['if-modified-since', 'if-unmodified-since', 'max-forwards', 'date'],
]);

const framing: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'host', 'connection', 'trailer', 'upgrade', 'expect']);

function fieldsBreach(fields: Fields): Breach | null {
  let seen: string[] | null = null;
  for (const { lower, value } of fields) {
    if (once.has(lower)) {
      if (seen?.includes(lower) === true) return { rule: 'twice', what: 'two of a field that stands once' };
      (seen ??= []).push(lower);
      if (lower === 'range' && isManyRanges(value)) return { rule: 'ranges', what: 'ranges that are too many, or backwards' };
      if (lower === 'content-type' && !isOneType(value)) return { rule: 'type', what: 'a Content-Type with no single reading' };
    } else if (!/^[a-z0-9-]+$/.test(lower) && framing.has(lower.replaceAll(/[^a-z0-9]/g, '-')))
      return { rule: 'lookalike', what: 'a field whose name some read as one of framing' };
  }
  return null;
}

/** Some servers copy the whole file for each (CVE-2011-3192). Readers of long documents ask for a handful at once. */
const rangesMax = 10;

function isManyRanges(value: string): boolean {
  const [unit = '', ...rest] = value.split('=');
  const ranges = rest.join('=').split(',');
  if (unit.trim().toLowerCase() !== 'bytes') return false;
  return (
    ranges.length > rangesMax ||
    ranges.some((range) => {
      const [, first = '', last = ''] = /^\s?(\d{0,18})-(\d{0,18})\s?$/.exec(range) ?? [];
      return first !== '' && last !== '' && Number(first) > Number(last);
    })
  );
}

/** A type and a subtype, and one charset at most. */
export function isOneType(value: string): boolean {
  const [type = '', ...parameters] = value.split(';');
  if (!/^[\w!#$%&'*+.^`|~-]{1,127}\/[\w!#$%&'*+.^`|~-]{1,127}$/.test(type.trim())) return false;
  return parameters.filter((each) => each.trim().toLowerCase().startsWith('charset=')).length < 2;
}

/** RFC 9110, 9.3.1: content of a GET has no meaning, and what reads on behind the head takes it for the next request. */
function bodyBreach({ method, framing: { is, ...rest } }: RequestHead): Breach | null {
  if (method !== 'GET' && method !== 'HEAD') return null;
  const empty = is === 'none' || ('length' in rest && rest.length === 0);
  return empty ? null : { rule: 'body', what: 'a body where none belongs' };
}
