/** What an operator says of our own pages: the language where a visitor asks for none of ours, and other words. */

import { de } from './texts/de.ts';
import { en } from './texts/en.ts';
import type { Texts } from './texts/catalogue.ts';

export type PageSettings = Readonly<{
  /** A key of `texts`. */
  language: string;
  /** By language tag in small letters: `de`, `pt-br`. */
  texts: ReadonlyMap<string, Texts>;
}>;

/** Where nothing is said. */
export const usualPages: PageSettings = {
  language: 'en',
  texts: new Map<string, Texts>([
    ['en', en],
    ['de', de],
  ]),
};
