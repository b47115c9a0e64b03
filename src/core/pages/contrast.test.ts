/** That our colours can be read is computed (WCAG 2.2, AA), for light and dark. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { colourText, contrast, leastContrast, madeReadable, readColour, type Colour } from './contrast.ts';
import { palettes, type Palette } from './style.ts';

const colourOf = (text: string): Colour => readColour(text) ?? assert.fail(text);

test('contrast is that of WCAG: its own examples', () => {
  assert.equal(contrast(colourOf('#000'), colourOf('#ffffff')), 21);
  assert.equal(contrast(colourOf('#777'), colourOf('#777777')), 1);
  assert.ok(Math.abs(contrast(colourOf('#767676'), colourOf('#fff')) - 4.54) < 0.01);
  for (const wrong of ['', 'red', '#12', '#1234', '#12345g', '#1f5fbf80', 'rgb(1,2,3)', '#fff;}']) assert.equal(readColour(wrong), null);
});

test('every text is readable on what it stands on, and every edge and focus can be seen', () => {
  for (const [scheme, palette] of Object.entries(palettes)) {
    const needs = (text: keyof Palette, ground: keyof Palette, least: number): void => {
      const found = contrast(colourOf(palette[text]), colourOf(palette[ground]));
      assert.ok(found >= least, `${scheme}: ${text} on ${ground} has ${found.toFixed(2)}, ${least} is needed`);
    };
    for (const text of ['ink', 'soft', 'deed', 'fault'] as const)
      for (const ground of ['paper', 'ground'] as const) needs(text, ground, 4.5);
    needs('deed-ink', 'deed', 4.5);
    // 1.4.11: the edge of a field, and the ring around what has the focus.
    for (const edge of ['soft', 'deed'] as const) for (const ground of ['paper', 'ground'] as const) needs(edge, ground, 3);
  }
});

test('any colour is made readable by black or white, and stays as it is where it is readable', () => {
  const dark = [palettes.dark.paper, palettes.dark.ground].map(colourOf);
  for (let red = 0; red < 256; red += 51) {
    for (let green = 0; green < 256; green += 51) {
      for (let blue = 0; blue < 256; blue += 51) {
        const made = madeReadable([red, green, blue], dark, 'white');
        assert.ok(leastContrast(made, dark) >= 4.5, colourText([red, green, blue]));
        if (leastContrast([red, green, blue], dark) >= 4.5) assert.deepEqual(made, [red, green, blue]);
      }
    }
  }
});
