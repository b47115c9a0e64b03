/** Error pages of one's own: read with the configuration, filled for each refusal. */

import { readFileSync, statSync } from 'node:fs';
import type { Service } from '../../contracts/snapshot.ts';
import { codes, SallyportError } from '../../core/errors.ts';
import { mediaType } from '../../core/http/media-type.ts';
import { fillPage } from '../../core/pages/own-page.ts';
import { isNavigation } from '../../core/pages/wants.ts';
import type { ErrorFiles } from './web-plan.ts';

type Page = Readonly<{ type: string; text: string }>;

/**
 * Null where none is said. Pages are for people who open an address; programs get what they always get.
 * Errors: `file-missing`; `config-malformed` for a file that is longer than `bytesMax`.
 */
export function errorPages(files: ErrorFiles, bytesMax: number): NonNullable<Service['errorPage']> | null {
  if (files.size === 0) return null;
  const pages = new Map(Array.from(files, ([status, path]) => [status, pageOf(path, bytesMax)] as const));
  return (exchange, code) => {
    const status = codes[code].status ?? 500;
    const found = pages.get(status);
    if (found === undefined || !isNavigation(exchange)) return null;
    const fields = [
      ['Content-Type', found.type],
      ['Cache-Control', 'no-store'],
      ['X-Content-Type-Options', 'nosniff'],
      ['Referrer-Policy', 'no-referrer'],
    ] as const;
    return { status, fields, body: fillPage(found.text, { code, status, id: exchange.id, host: exchange.host }) };
  };
}

function pageOf(path: string, bytesMax: number): Page {
  try {
    if (statSync(path).size > bytesMax)
      throw new SallyportError('config-malformed', `${path} is longer than an error page may be: ${bytesMax} bytes.`, {
        hint: 'Put its pictures and styles elsewhere.',
      });
    return { type: mediaType(path), text: readFileSync(path, 'utf8') };
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    throw new SallyportError('file-missing', `There is no file ${path} that can be read.`, {
      hint: 'Check the path and its rights.',
      cause,
    });
  }
}
