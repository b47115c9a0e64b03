/** Spans of time as people write them: `2h`, `30m`, `1h30m`, `never`. */

const unitMs: Readonly<Record<string, number>> = {
  s: 1_000,
  sec: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Ten years: a longer span is a slip of the finger, and `never` says what is meant. */
const spanMsMax = 10 * 365 * 86_400_000;

/** What a message calls the right form. */
export const durationExpected = 'a time like 30m, 2h or 7d, or never';

/**
 * Reads a span.
 * @returns milliseconds, `never`, or null for anything else (a bare number has no unit; zero is no time).
 * @example parseDuration('1h30m') // 5_400_000
 */
export function parseDuration(text: string): number | 'never' | null {
  if (text === 'never') return 'never';
  if (text.length > 32 || !/^(?:\d{1,9}(?:sec|min|s|m|h|d|w))+$/.test(text)) return null;
  let sum = 0;
  let unitBefore = Number.POSITIVE_INFINITY;
  for (const [, digits = '', unit = ''] of text.matchAll(/(\d+)([a-z]+)/g)) {
    const each = unitMs[unit];
    // Units fall: `30m2h` is more likely a typing mistake than a wish.
    if (each === undefined || each >= unitBefore) return null;
    unitBefore = each;
    sum += Number(digits) * each;
  }
  return sum > 0 && sum <= spanMsMax ? sum : null;
}

/**
 * Says a span in at most two units: `7 h 59 min`, `45 s`, `3 d`. Rounded to the nearest minute from one minute on,
 * so that what was opened for 8 hours a moment ago has 8 hours left.
 * @param ms what is left; below zero counts as nothing
 */
export function durationWords(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}
