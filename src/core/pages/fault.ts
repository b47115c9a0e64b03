/** What went wrong the last time that a form was sent, for people who see it and for people who hear it. */

import { markup, type Markup } from './markup.ts';

/** Stands above the form; null where nothing went wrong. */
export function faultLine(said: string | null): Markup | null {
  return said === null ? null : markup`<p class="fault" role="alert" id="fault">${said}</p>\n`;
}

/** In the field that has the focus: it is read with its label, since what stands on a page from the start alerts nobody. */
export function faultyField(said: string | null): Markup | null {
  return said === null ? null : markup` aria-invalid="true" aria-describedby="fault"`;
}
