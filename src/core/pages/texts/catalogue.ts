/** What a catalogue of texts must hold: every key of the English one, each with the same braces. */

import type { en } from './en.ts';

export type TextKey = keyof typeof en;

/** All texts of one language. */
export type Texts = Readonly<Record<TextKey, string>>;

/** The names in braces of a text. */
export type BracesOf<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | BracesOf<Rest> : never;

/** What a text must be given: nothing, or a value for each of its braces. */
export type Values<Key extends TextKey> = [BracesOf<(typeof en)[Key]>] extends [never]
  ? []
  : [values: Readonly<Record<BracesOf<(typeof en)[Key]>, string | number>>];

type Same<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : false) : false;

/** `never` where a key is not English's, or its braces are others. */
export type Faithful<Own> = {
  readonly [Key in keyof Own]: Key extends TextKey
    ? Own[Key] extends string
      ? Same<BracesOf<Own[Key]>, BracesOf<(typeof en)[Key]>> extends true
        ? Own[Key]
        : never
      : never
    : never;
};

/** Checks a translation while it is compiled; does nothing else. */
export function catalogue<const Own extends Texts>(texts: Own & Faithful<Own>): Texts {
  return texts;
}
