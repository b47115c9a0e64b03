/** The path of a request as names of files, or nothing: decoded once, strictly. */

import { sep } from 'node:path';

export type RequestPath = Readonly<{
  /** Below the folder, in the system's spelling, without a leading separator; empty for the folder itself. */
  relative: string;
  /** Whether it ended with a slash: then a folder is meant. */
  folder: boolean;
  /** The last segment, decoded; empty for the folder itself. */
  name: string;
}>;

/**
 * Null where a path has no single meaning as a file: escapes that are no UTF-8, NUL and other controls, a backslash or
 * an encoded slash, empty segments, dot segments, and names that begin with a dot (`.git`, `.env`) but for `.well-known`
 * (RFC 8615) at the top.
 *
 * @param target the origin form as it was sent, its query included
 */
export function requestPath(target: string, platform: NodeJS.Platform = process.platform): RequestPath | null {
  const query = target.indexOf('?');
  const raw = query === -1 ? target : target.slice(0, query);
  if (!raw.startsWith('/')) return null;
  const segments = raw.slice(1).split('/');
  const folder = segments.at(-1) === '';
  if (folder) segments.pop();
  const names: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const name = decoded(segment);
    if (name === null || !isPlain(name) || (isHidden(name) && !(index === 0 && name === '.well-known'))) return null;
    if (platform === 'win32' && isWindowsName(name)) return null;
    names.push(name);
  }
  return { relative: names.join(sep), folder, name: names.at(-1) ?? '' };
}

/** Whether a part of a path below the folder is kept from visitors. */
export function isHidden(name: string): boolean {
  return name.startsWith('.');
}

function decoded(segment: string): string | null {
  try {
    // Throws on escapes that are no UTF-8, overlong ones and halves of pairs among them.
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

function isPlain(name: string): boolean {
  // oxlint-disable-next-line no-control-regex -- exactly these are refused
  return name !== '' && name.length <= 255 && !/[/\\\u0000-\u001f\u007f-\u009f]/.test(name);
}

/** Devices, alternate streams, 8.3 names, and ends that Windows cuts off: one file under many names. */
function isWindowsName(name: string): boolean {
  return /[:*?"<>|]|~\d|[. ]$/.test(name) || /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i.test(name);
}
