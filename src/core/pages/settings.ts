/** What an operator says of our own pages: their look, the language where a visitor asks for none of ours, and other words. */

import { de } from './texts/de.ts';
import { en } from './texts/en.ts';
import type { Texts } from './texts/catalogue.ts';

export type PageSettings = Readonly<{
  /** A key of `texts`. */
  language: string;
  /** By language tag in small letters: `de`, `pt-br`. */
  texts: ReadonlyMap<string, Texts>;
  theme?: Theme;
}>;

export type Theme = Readonly<{
  /** Stands above the heading, and in the title. */
  name: string | null;
  /** The path and query of a picture that this gateway serves itself. */
  logo: string | null;
  /** Colours in place of the usual ones, and the hash that lets them in. Made by us of what was checked. */
  style: Readonly<{ text: string; hash: string }> | null;
}>;

/** Where nothing is said. */
export const usualPages: PageSettings = {
  language: 'en',
  texts: new Map<string, Texts>([
    ['en', en],
    ['de', de],
  ]),
};
