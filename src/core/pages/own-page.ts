/** Fills the placeholders of somebody's own error page. */

import { titleOf } from './error.ts';
import { markup } from './markup.ts';

export type PageFacts = Readonly<{ code: string; status: number; id: string; host: string }>;

/**
 * `{code}` is the stable code, `{status}` the number, `{title}` its words, `{id}` finds the line in the record, `{host}` is the
 * name that was asked for. All are escaped for HTML, text and quoted attributes alike; other braces stay as they are.
 */
export function fillPage(text: string, { code, status, id, host }: PageFacts): string {
  const known: Readonly<Record<string, string>> = { code, status: String(status), title: titleOf(status), id, host };
  return text.replaceAll(/\{([a-z]+)\}/g, (whole, name: string) =>
    Object.hasOwn(known, name) ? markup`${known[name] ?? ''}`.markup : whole,
  );
}
