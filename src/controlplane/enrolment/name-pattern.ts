/** Which names below a relay's domain a grant covers: one label with a `*`, or what lies below the granted name. */

/** RFC 1035, 2.3.1: letters, digits and hyphens, 63 at most. */
const labelForm = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const globForm = /^[a-z0-9-]{0,62}\*[a-z0-9-]{0,62}$/;
const labelsMax = 8;

export function isLabel(text: string): boolean {
  return labelForm.test(text);
}

/**
 * Whether a text is a pattern for the grant of `label`: `team-*` (labels beside it), `*.blog` (one label below it),
 * `**.blog` (all below it). What lies below another label is that label's.
 */
export function isPattern(text: string, label: string): boolean {
  const parts = text.split('.');
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return isLabel(last) || globForm.test(last);
  if (last !== label || parts.length > labelsMax) return false;
  return parts.slice(0, -1).every((part, at) => isLabel(part) || globForm.test(part) || (part === '**' && at === 0));
}

/** Whether the pattern covers these labels below the domain, `*` first for a wildcard name. */
export function covers(pattern: string, labels: readonly string[]): boolean {
  const parts = pattern.split('.');
  const deep = parts[0] === '**';
  const fixed = deep ? parts.slice(1) : parts;
  if (deep ? labels.length <= fixed.length : labels.length !== fixed.length) return false;
  const tail = labels.slice(labels.length - fixed.length);
  return fixed.every((part, at) => matches(part, tail[at] ?? ''));
}

/** Whether one label could be of both. */
export function overlap(one: string, other: string): boolean {
  const [left, right] = [halves(one), halves(other)];
  if (left === null) return matches(other, one);
  if (right === null) return matches(one, other);
  const heads = left.head.startsWith(right.head) || right.head.startsWith(left.head);
  return heads && (left.tail.endsWith(right.tail) || right.tail.endsWith(left.tail));
}

/** A wildcard stands for every label: only `*` is as wide. */
function matches(part: string, label: string): boolean {
  const cut = halves(part);
  if (cut === null || label === '*') return part === label;
  return label.length >= cut.head.length + cut.tail.length && label.startsWith(cut.head) && label.endsWith(cut.tail);
}

function halves(glob: string): Readonly<{ head: string; tail: string }> | null {
  const star = glob.indexOf('*');
  return star === -1 ? null : { head: glob.slice(0, star), tail: glob.slice(star + 1) };
}
