/** The rules that hold documents and code together: errors, limits, the map. */

import { scan } from './scan.ts';
import type { Rule, Tree } from './tree.ts';
import { sources } from './tree.ts';

const errorsFile = 'src/core/errors.ts';
const errorsPage = 'docs/errors.md';
const limitsFile = 'src/core/limits.ts';
/** Parts of it stand beside it, or where their subject is. */
const limitsFiles = /^src\/core\/(?:.*[-/])?limits\.ts$/;

function codesOf(tree: Tree): readonly string[] {
  return [...(tree.get(errorsFile) ?? '').matchAll(/^ {2}'?([a-z]+(?:-[a-z]+)*)'?: \{ status:/gm)].map(([, code = '']) => code);
}

/** Paragraphs of docs/errors.md by the code in their heading. */
function paragraphsOf(tree: Tree): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const part of (tree.get(errorsPage) ?? '').split(/^## /m).slice(1)) {
    const code = /^`([^`]+)`\s*\n/.exec(part);
    if (code !== null) found.set(code[1] ?? '', part.slice(code[0].length).trim());
  }
  return found;
}

export const errorsAreDocumented: Rule = (tree) => {
  const codes = codesOf(tree);
  const pages = paragraphsOf(tree);
  const found: string[] = [];
  if (codes.length === 0)
    found.push(`${errorsFile} holds no code that this rule can read. Keep one code a line: 'the-code': { status: …, exit: … },`);
  for (const code of codes) {
    const paragraph = pages.get(code) ?? '';
    if (paragraph.length < 60)
      found.push(`${errorsPage} has no paragraph for ${code}. Add "## \`${code}\`": what it means, what the visitor sees, what to do.`);
    if (!/^[a-z]+(-[a-z]+)+$|^interrupted$/.test(code)) found.push(`${errorsFile}: "${code}" is not of the form noun-participle.`);
  }
  for (const code of pages.keys()) {
    if (!codes.includes(code)) found.push(`${errorsPage} tells of ${code}, which ${errorsFile} does not know. Remove the paragraph.`);
  }
  return found;
};

export const errorsAreUsed: Rule = (tree) => {
  const said = new Set<string>();
  for (const [path, text] of sources(tree, 'src/')) {
    if (path === errorsFile || path.endsWith('.test.ts')) continue;
    for (const { value } of scan(text).strings) said.add(value);
  }
  return codesOf(tree)
    .filter((code) => !said.has(code))
    .map((code) => `${errorsFile}: nothing says '${code}'. Use it where it happens, or remove it and its paragraph.`);
};

export const limitsAreUsed: Rule = (tree) => {
  const limits = [...tree]
    .filter(([path]) => limitsFiles.test(path))
    .flatMap(([path, text]) => limitsIn(text).map((name) => ({ path, name })));
  const words = new Set<string>();
  for (const [path, text] of sources(tree, 'src/')) {
    if (limitsFiles.test(path) || path.endsWith('.test.ts')) continue;
    for (const [word] of scan(text).code.matchAll(/\w+/g)) words.add(word);
  }
  const found = limits
    .filter(({ name }) => !words.has(name))
    .map(({ path, name }) => `${path}: nothing holds ${name}. Check it where the thing grows, or remove it.`);
  if (limits.length === 0) found.push(`${limitsFile} holds no limit that this rule can read. Keep one a line: nameUnit: 1_000 as number,`);
  return found;
};

function limitsIn(text: string): readonly string[] {
  return [...text.matchAll(/^ {2}([a-z]\w+): [\d_]+ as number,/gm)].map(([, name = '']) => name);
}

/** The folders of src that hold sources, and the files on its top: each has its line in the map. */
function placesOf(tree: Tree): ReadonlySet<string> {
  const places = new Set<string>();
  for (const [path] of sources(tree, 'src/')) {
    if (path.endsWith('.test.ts')) continue;
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    places.add(folder === 'src/' ? path : folder);
  }
  return places;
}

/** ARCHITECTURE.md draws each place of src on a line of its own, with what it holds behind it. */
export const mapIsTrue: Rule = (tree) => {
  const drawn = new Set([...(tree.get('ARCHITECTURE.md') ?? '').matchAll(/^(src\/\S+) {2,}\S/gm)].map(([, place = '']) => place));
  const places = placesOf(tree);
  const missing = [...places]
    .filter((place) => !drawn.has(place))
    .map((place) => `ARCHITECTURE.md does not draw ${place}. Give it a line in the map.`);
  const gone = [...drawn]
    .filter((place) => !places.has(place))
    .map((place) => `ARCHITECTURE.md draws ${place}, which holds no source. Remove the line.`);
  return [...missing, ...gone];
};

/** Links of the documents lead to files that exist. */
export const linksLead: Rule = (tree) => {
  const found: string[] = [];
  for (const [path, text] of tree) {
    if (!path.endsWith('.md')) continue;
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const parts = path.split('/').slice(0, -1);
      for (const part of target.replace(/\/$/, '').split('/')) {
        if (part === '..') parts.pop();
        else if (part !== '.') parts.push(part);
      }
      const wanted = parts.join('/');
      if (!tree.has(wanted) && ![...tree.keys()].some((key) => key.startsWith(`${wanted}/`)))
        found.push(`${path} links to ${target}, which is not there. Mend the link.`);
    }
  }
  return found;
};
