/** The keys of a configuration that say how our own pages look and read. */

import { z } from 'zod';
import { colourText, leastContrast, madeReadable, readable, readColour, type Colour } from '../../core/pages/contrast.ts';
import { palettes } from '../../core/pages/style.ts';
import { formed } from './pieces.ts';

/** Paths are absolute. */
export type PagesPlan = Readonly<{
  /** A language tag in small letters; left out, English. */
  language?: string;
  /** A file of texts. */
  texts?: string;
  theme?: ThemePlan;
}>;

export type ThemePlan = Readonly<{
  name: string | null;
  /** A file with a picture. */
  logo: string | null;
  accent: Accent | null;
}>;

/** What buttons and links are coloured with; readable on the grounds of its scheme. */
export type Accent = Readonly<{ light: Colour; dark: Colour }>;

const languageExpected = 'a language like en, de or pt-BR';
const colourExpected = 'a colour like #1f5fbf';

/** BCP 47, as far as pages are told apart by it; in small letters. */
export function readLanguage(text: string): string | null {
  return text.length <= 35 && /^[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}$/i.test(text) ? text.toLowerCase() : null;
}

export function pageKeys() {
  const logo = path('the path of a PNG or SVG file').optional().describe('A PNG or SVG file of 64 KiB at most, shown above the heading.');
  return keysWith(z.strictObject({ ...themeKeys(), logo }, { error: themeExpected }).optional());
}

/** A relay has no address of its own below which a logo could be served. */
export function relayPageKeys() {
  return keysWith(z.strictObject(themeKeys(), { error: themeExpected }).optional());
}

const themeExpected = 'settings like { name: Example, accent: "#1f5fbf" }';

function themeKeys() {
  return {
    name: z
      .string({ error: 'a name' })
      .trim()
      .min(1, 'a name')
      .max(60, 'at most 60 characters')
      .optional()
      .describe('Whose pages they are: stands above the heading and in the title.'),
    accent: accentSchema().optional().describe('The colour of buttons and links: one, or { light: COLOUR, dark: COLOUR }.'),
  };
}

function keysWith<Theme extends z.ZodType>(theme: Theme) {
  return {
    language: formed(readLanguage, languageExpected)
      .optional()
      .describe('The language of our own pages where a visitor asks for none that there is. English when left out.'),
    texts: path('the path of a YAML file')
      .optional()
      .describe('A YAML file with texts of our own pages, by language: other words, other languages.'),
    theme: theme.describe('How our own pages look: the name, the logo and the colour of whoever runs this.'),
  };
}

function path(what: string) {
  return z.string({ error: what }).min(1, what).max(4_096, 'a shorter path');
}

/** A colour for light pages, whose shade for dark ones is found by itself; or both. */
function accentSchema() {
  const one = formed(readColour, colourExpected);
  const both = z.strictObject({ light: one.describe('On light pages.'), dark: one.describe('On dark pages.') }, { error: colourExpected });
  return z.union([one, both], { error: colourExpected }).transform((value, context): Accent => {
    const { light, dark } = 'light' in value ? value : { light: value, dark: madeReadable(value, groundsOf('dark'), 'white') };
    for (const [scheme, colour] of [
      ['light', light],
      ['dark', dark],
    ] as const) {
      const fault = unreadable(scheme, colour);
      if (fault !== null) context.issues.push({ code: 'custom', message: fault, input: colourText(colour) });
    }
    return { light, dark };
  });
}

/** What a link of that colour stands on. */
function groundsOf(scheme: 'light' | 'dark'): readonly Colour[] {
  const { paper, ground } = palettes[scheme];
  return [paper, ground].map((text) => readColour(text)).filter((colour) => colour !== null);
}

/** Null for a colour that people can read as a link. */
function unreadable(scheme: 'light' | 'dark', colour: Colour): string | null {
  const grounds = groundsOf(scheme);
  const found = leastContrast(colour, grounds);
  if (found >= readable) return null;
  const better = colourText(madeReadable(colour, grounds, scheme === 'light' ? 'black' : 'white'));
  const hardly = Math.floor(found * 10) / 10;
  return `a colour that can be read on ${scheme} pages: ${colourText(colour)} has a contrast of ${hardly}:1, and ${readable}:1 is needed; ${better} would do`;
}

type Checked = Readonly<{
  language?: string | undefined;
  texts?: string | undefined;
  theme?: Readonly<{ name?: string | undefined; logo?: string | undefined; accent?: Accent | undefined }> | undefined;
}>;

/** Nothing where nothing is said. @param absolute makes a path of the file absolute, seen from the file's own folder */
export function settlePages({ language, texts, theme }: Checked, absolute: (path: string) => string): Readonly<{ pages?: PagesPlan }> {
  if (language === undefined && texts === undefined && theme === undefined) return {};
  const { name, logo, accent } = theme ?? {};
  return {
    pages: {
      ...(language === undefined ? {} : { language }),
      ...(texts === undefined ? {} : { texts: absolute(texts) }),
      ...(theme === undefined
        ? {}
        : { theme: { name: name ?? null, logo: logo === undefined ? null : absolute(logo), accent: accent ?? null } }),
    },
  };
}
