/** Conditional requests and ranges (RFC 9110, 13 and 14): what of a file is due, if anything. */

import { fieldValue, type Fields } from './fields.ts';

/** A stored answer: its strong entity tag with quotes, its time in whole seconds since 1970, its length in bytes. */
export type Stored = Readonly<{ etag: string; modified: number; length: number }>;

export type Due =
  | Readonly<{ is: 'whole' }>
  /** Both ends are in it. */
  | Readonly<{ is: 'part'; first: number; last: number }>
  /** 304: what the visitor has is still right. */
  | Readonly<{ is: 'unchanged' }>
  /** 412: it is not what the visitor believes. */
  | Readonly<{ is: 'changed' }>
  /** 416: nothing of it lies in the range. */
  | Readonly<{ is: 'outside' }>;

/** In the order of RFC 9110, 13.2.2. For GET and HEAD only. */
export function whatIsDue(method: string, fields: Fields, stored: Stored): Due {
  const match = joined(fields, 'if-match');
  const unmodifiedSince = fieldValue(fields, 'if-unmodified-since');
  if (match !== null) {
    if (!names(match, stored.etag, false)) return { is: 'changed' };
  } else if (unmodifiedSince !== undefined) {
    const at = parseHttpDate(unmodifiedSince);
    if (at !== null && stored.modified > at) return { is: 'changed' };
  }
  const noneMatch = joined(fields, 'if-none-match');
  const modifiedSince = fieldValue(fields, 'if-modified-since');
  if (noneMatch !== null) {
    if (names(noneMatch, stored.etag, true)) return { is: 'unchanged' };
  } else if (modifiedSince !== undefined) {
    const at = parseHttpDate(modifiedSince);
    if (at !== null && stored.modified <= at) return { is: 'unchanged' };
  }
  // 14.2: a range has a meaning for GET only, and none where If-Range names another state.
  const range = fieldValue(fields, 'range');
  if (method !== 'GET' || range === undefined || !rangeHolds(fieldValue(fields, 'if-range'), stored)) return { is: 'whole' };
  return partOf(range, stored.length);
}

/** One `bytes` range; several, another unit or what is malformed is answered whole (14.2 allows it, and floods of ranges end there). */
function partOf(range: string, length: number): Due {
  const [, from = '', to = ''] = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(range) ?? [];
  if (from === '' && to === '') return { is: 'whole' };
  const first = from === '' ? Math.max(0, length - Number(to)) : Number(from);
  const last = from === '' || to === '' ? length - 1 : Math.min(Number(to), length - 1);
  if (from !== '' && to !== '' && Number(to) < first) return { is: 'whole' };
  return first > last || first >= length ? { is: 'outside' } : { is: 'part', first, last };
}

/** 13.1.5: a strong tag that is ours, or our very date. */
function rangeHolds(ifRange: string | undefined, stored: Stored): boolean {
  if (ifRange === undefined) return true;
  return ifRange.startsWith('"') ? ifRange === stored.etag : parseHttpDate(ifRange) === stored.modified;
}

/** Whether a list of entity tags names ours; `weakly` takes `W/` for equal (8.8.3.2). */
function names(list: string, etag: string, weakly: boolean): boolean {
  if (list.trim() === '*') return true;
  return list.split(',').some((item) => {
    const tag = item.trim();
    return tag === etag || (weakly && tag === `W/${etag}`);
  });
}

function joined(fields: Fields, lower: string): string | null {
  const values = fields.filter((field) => field.lower === lower).map((field) => field.value);
  return values.length === 0 ? null : values.join(',');
}

const imfFixdate =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Seconds since 1970, or null. The one form that is still sent (5.6.7); a condition in another form is ignored, so the answer is whole. */
export function parseHttpDate(text: string): number | null {
  const at = imfFixdate.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : at / 1_000;
}

/** `Sun, 06 Nov 1994 08:49:37 GMT`. */
export function httpDateText(seconds: number): string {
  return new Date(seconds * 1_000).toUTCString();
}
