/** How readable one colour is on another (WCAG 2.2, 1.4.3), and the nearest shade of it that is. */

/** Red, green, blue, 0 to 255. */
export type Colour = readonly [number, number, number];

/** `#1f5fbf` or `#15b`, without transparency; null for anything else. */
export function readColour(text: string): Colour | null {
  const hex = /^#(?:[0-9a-f]{3}|[0-9a-f]{6})$/i.test(text) ? text.slice(1) : null;
  if (hex === null) return null;
  const long = hex.length === 6 ? hex : hex.replaceAll(/./g, '$&$&');
  return [Number.parseInt(long.slice(0, 2), 16), Number.parseInt(long.slice(2, 4), 16), Number.parseInt(long.slice(4), 16)];
}

export function colourText(colour: Colour): string {
  return `#${colour.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

/** From 1 (the same) to 21 (black on white). */
export function contrast(one: Colour, other: Colour): number {
  const [light, dark] = [luminance(one), luminance(other)].toSorted((left, right) => right - left);
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
}

/** WCAG 2.2, relative luminance. */
function luminance([red, green, blue]: Colour): number {
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function linear(part: number): number {
  return part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4;
}

/** WCAG 2.2, 1.4.3 (AA): what text needs. */
export const readable = 4.5;

/** The lowest contrast of a colour on any of these. */
export function leastContrast(colour: Colour, grounds: readonly Colour[]): number {
  return Math.min(...grounds.map((ground) => contrast(colour, ground)));
}

/** The colour itself where it is readable on all of these, else the nearest mixture with black or white that is. */
export function madeReadable(colour: Colour, grounds: readonly Colour[], towards: 'black' | 'white'): Colour {
  const end = towards === 'black' ? 0 : 255;
  for (let step = 0; step < 20; step += 1) {
    const mixed = mix(colour, end, step / 20);
    if (leastContrast(mixed, grounds) >= readable) return mixed;
  }
  return [end, end, end];
}

function mix([red, green, blue]: Colour, end: number, share: number): Colour {
  const part = (from: number): number => Math.round(from + (end - from) * share);
  return [part(red), part(green), part(blue)];
}
