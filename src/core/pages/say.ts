/** What our own pages say to a visitor, in a language that they read. */

import type { Exchange } from '../policy/exchange.ts';
import { chosenLanguage } from './language.ts';
import { usualPages } from './settings.ts';
import { en } from './texts/en.ts';
import { headOf } from './wants.ts';
import type { TextKey, Texts, Values } from './texts/catalogue.ts';

/** The language of the pages that this visitor gets: a key of the settings' texts. Null: no head could be read. */
export function languageOf(exchange: Exchange | null): string {
  if (exchange === null) return usualPages.language;
  const known = chosen.get(exchange);
  if (known !== undefined) return known;
  const { language, texts } = exchange.pages ?? usualPages;
  const found = chosenLanguage(headOf(exchange)?.fields ?? [], texts, language);
  chosen.set(exchange, found);
  return found;
}

/** A page says a dozen texts, and a stranger may send the longest field that there is: it is read once. Gone with its exchange. */
const chosen = new WeakMap<Exchange, string>();

/**
 * A text in the visitor's language. Plain text: `markup` escapes it where it is put in.
 * @example say(exchange, 'login.wait', { time: sayTime(exchange, 90) })
 */
export function say<Key extends TextKey>(exchange: Exchange | null, key: Key, ...values: Values<Key>): string {
  const { texts } = exchange?.pages ?? usualPages;
  return filled((texts.get(languageOf(exchange)) ?? en)[key], values[0] ?? {});
}

/** A text for a program: always English, as codes and records are. */
export function sayPlainly<Key extends TextKey>(key: Key, ...values: Values<Key>): string {
  return filled((en satisfies Texts)[key], values[0] ?? {});
}

/** A time from now, to stand after "in": `45 seconds`, `3 minutes`. */
export function sayTime(exchange: Exchange | null, seconds: number): string {
  if (seconds < 2) return say(exchange, 'time.moment');
  if (seconds < 120) return say(exchange, 'time.seconds', { count: Math.ceil(seconds) });
  return say(exchange, 'time.minutes', { count: Math.ceil(seconds / 60) });
}

/** Once over: braces in a value are text. */
function filled(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replaceAll(/\{([a-z]+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
}
