/** The rules that hold documents and code together: errors, limits, the map. */

import { scan } from './scan.ts';
import type { Rule, Tree } from './tree.ts';
import { sources } from './tree.ts';

const errorsFile = 'src/core/errors.ts';
const errorsPage = 'docs/errors.md';
const limitsFile = 'src/core/limits.ts';

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
  const names = [...(tree.get(limitsFile) ?? '').matchAll(/^ {2}([a-z]\w+): [\d_]+ as number,/gm)].map(([, name = '']) => name);
  const words = new Set<string>();
  for (const [path, text] of sources(tree, 'src/')) {
    if (path === limitsFile || path.endsWith('.test.ts')) continue;
    for (const [word] of scan(text).code.matchAll(/\w+/g)) words.add(word);
  }
  const found = names
    .filter((name) => !words.has(name))
    .map((name) => `${limitsFile}: nothing holds ${name}. Check it where the thing grows, or remove it.`);
  if (names.length === 0) found.push(`${limitsFile} holds no limit that this rule can read. Keep one a line: nameUnit: 1_000 as number,`);
  return found;
};

/** The line of the map for a folder: its files without tests and endings, by name. */
function mapLines(tree: Tree): ReadonlyMap<string, string> {
  const folders = new Map<string, string[]>();
  for (const [path] of sources(tree, 'src/')) {
    if (path.endsWith('.test.ts')) continue;
    const cut = path.lastIndexOf('/') + 1;
    folders.set(path.slice(0, cut), [...(folders.get(path.slice(0, cut)) ?? []), path.slice(cut, -'.ts'.length)]);
  }
  return new Map([...folders].map(([folder, names]) => [folder, names.toSorted().join(' ')]));
}

/** ARCHITECTURE.md names each folder of src on a line of its own, with its files behind it. */
export const mapIsTrue: Rule = (tree) => {
  const map = tree.get('ARCHITECTURE.md') ?? '';
  const drawn = new Map(
    [...map.matchAll(/^(src\/\S*?)(?: +(\S.*))?$/gm)].map(([, folder = '', names = '']) => [folder, names.replace(/ {2,}.*$/, '')]),
  );
  const found: string[] = [];
  const lines = mapLines(tree);
  for (const [folder, names] of lines) {
    if (drawn.get(folder) !== names) found.push(`ARCHITECTURE.md is no true map of ${folder}. Its line is: ${folder} ${names}`);
  }
  for (const folder of drawn.keys()) {
    if (!lines.has(folder)) found.push(`ARCHITECTURE.md draws ${folder}, which holds no source. Remove the line.`);
  }
  return found;
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
