/** What can be measured of a page in a browser: as text, for a browser has other globals than this program. */

export type Measured = Readonly<{
  lang: string;
  title: string;
  headings: readonly string[];
  mains: number;
  /** What somebody who does not see it would not be told. */
  nameless: readonly string[];
  /** Texts that are hard to read, with their contrast. */
  faint: readonly string[];
  /** What is smaller than a fingertip (WCAG 2.2, 2.5.8: 24 pixels; links within a sentence may be). */
  small: readonly string[];
  /** Pixels that a page is wider than its window. */
  beyond: number;
  /** What can be focused, in the order of the document. */
  focusable: readonly string[];
}>;

/** Evaluates to `Measured`. */
export const measure = String.raw`(() => {
  const parts = (text) => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [red, green, blue, alpha];
  };
  const linear = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([red, green, blue]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  const groundOf = (element) => {
    for (let each = element; each !== null; each = each.parentElement) {
      const ground = parts(getComputedStyle(each).backgroundColor);
      if (ground[3] > 0) return ground;
    }
    return [255, 255, 255, 1];
  };
  const shown = (element) => element.getClientRects().length > 0;
  const words = (element) => element.tagName.toLowerCase() + ' ' + element.textContent.trim().slice(0, 40);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.textContent.trim() === '' || !shown(element)) continue;
    const [one, other] = [luminance(parts(getComputedStyle(element).color)), luminance(groundOf(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) faint.push(words(element) + ': ' + contrast.toFixed(2));
  }
  const fields = all('input:not([type=hidden]),select,textarea').filter(shown);
  const deeds = all('button,a[href]').filter(shown);
  const unlabelled = ({ labels }) => [...(labels ?? [])].every((label) => label.textContent.trim() === '');
  return {
    lang: document.documentElement.lang,
    title: document.title,
    headings: all('h1,h2,h3,h4,h5,h6').map((heading) => heading.tagName),
    mains: all('main').length,
    nameless: [
      ...fields.filter(unlabelled),
      ...deeds.filter((deed) => deed.textContent.trim() === ''),
      ...all('img:not([alt])'),
    ].map((each) => each.outerHTML),
    faint,
    small: [...fields, ...deeds.filter((deed) => deed.tagName === 'BUTTON')]
      .filter((each) => Math.min(each.getBoundingClientRect().width, each.getBoundingClientRect().height) < 24)
      .map(words),
    beyond: Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth),
    focusable: all('input:not([type=hidden]),button,a[href]').filter(shown).map((each) => each.outerHTML),
  };
})()`;

export type Focused = Readonly<{ html: string; ring: boolean }>;

/** Evaluates to `Focused`: what has the focus, and whether one can see that it has. */
export const focused = `(() => {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  return { html: document.activeElement.outerHTML, ring: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2 };
})()`;

/** Type twice as large, by the object model, which the policy lets alone: as a reader has it who sets that. */
export const enlarge = `document.documentElement.style.fontSize = '200%'`;

/** Some pages begin in their first field: from the top of the page, as everybody comes by who does not. */
export const fromTheTop = `document.activeElement.blur(); document.body.tabIndex = -1; document.body.focus()`;
