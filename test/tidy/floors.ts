/** The rules of the floors: who may import whom. */

import { importsOf, scan } from './scan.ts';
import type { Rule, Tree } from './tree.ts';
import { isTest, sources } from './tree.ts';

const floors: Readonly<Record<string, number>> = {
  core: 1,
  contracts: 2,
  modules: 3,
  dataplane: 3,
  controlplane: 3,
  registry: 4,
  gateway: 5,
  relay: 5,
  cli: 6,
};

type Arrow = Readonly<{ from: string; to: string }>;

/** `src/core/http/head.ts` → `core`; `src/gateway.ts` → `gateway`. */
function roomOf(path: string): string {
  return (path.split('/')[1] ?? '').replace(/(?:\.test)?\.ts$/, '');
}

/** The imports of src, each as an arrow between paths; what comes from npm or node: keeps its own name. */
function arrowsOf(tree: Tree, withTests: boolean): readonly Arrow[] {
  const arrows: Arrow[] = [];
  for (const [path, text] of sources(tree, 'src/')) {
    if (!withTests && path.endsWith('.test.ts')) continue;
    for (const name of importsOf(scan(text))) arrows.push({ from: path, to: resolved(path, name) });
  }
  return arrows;
}

function resolved(from: string, name: string): string {
  if (!name.startsWith('.')) return name;
  const parts = from.split('/').slice(0, -1);
  for (const part of name.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** Imports only go down, and the three rooms of floor 3 do not know each other. Tests may look at the floor above their file. */
export const importsGoDown: Rule = (tree) => {
  const found: string[] = [];
  for (const path of tree.keys()) {
    if (path.startsWith('src/') && path.endsWith('.ts') && floors[roomOf(path)] === undefined) {
      found.push(`${path}: "${roomOf(path)}" is on no floor. Put the file into one of ${Object.keys(floors).join(', ')}.`);
    }
  }
  for (const { from, to } of arrowsOf(tree, false)) {
    const here = floors[roomOf(from)];
    const there = floors[roomOf(to)];
    if (!to.startsWith('src/')) {
      if (to.startsWith('test/') || to.startsWith('bench/'))
        found.push(`${from} imports ${to}: the program needs no tests. Move what it needs into src.`);
      continue;
    }
    if (here === undefined || there === undefined) continue;
    if (there > here) found.push(`${from} imports ${to}, a floor above. Move what it needs down, or hand it in as an argument.`);
    if (here === 3 && there === 3 && roomOf(from) !== roomOf(to)) {
      found.push(
        `${from} imports ${to}: the rooms of floor 3 do not know each other. Put the type into contracts, the pure part into core.`,
      );
    }
  }
  return found;
};

/** The module that a file of `modules/KIND/` belongs to: itself, or the one whose name its own begins with. */
function ownerOf(path: string, tree: Tree): string | null {
  const [, kind, rest] = /^src\/modules\/([^/]+)\/(.+)\.ts$/.exec(path) ?? [];
  if (kind === undefined || rest === undefined) return null;
  const parts = rest.split(/[-/.]/);
  for (let length = 1; length <= parts.length; length++) {
    const name = rest.slice(0, parts.slice(0, length).join('-').length);
    if (tree.has(`src/modules/${kind}/${name}.ts`)) return `${kind}/${name}`;
  }
  return `${kind}/${rest}`;
}

/** `protocols/http/tap` belongs to every version of what its folder names: `http1`, `http2`. Null for a file of one module. */
function sharedBy(owner: string | null, tree: Tree): string | null {
  const [, stem] = /^([^/]+\/[^/]+)\//.exec(owner ?? '') ?? [];
  if (stem === undefined) return null;
  return [1, 2, 3].some((version) => tree.has(`src/modules/${stem}${version}.ts`)) ? stem : null;
}

/** Whether one module's file may import another's: they are one, or versions of one protocol share it. */
function mayKnow(from: string, to: string, tree: Tree): boolean {
  const [here, there] = [ownerOf(from, tree), ownerOf(to, tree)];
  if (here === there) return true;
  const shared = sharedBy(there, tree);
  return shared !== null && (sharedBy(here, tree) === shared || (here?.replace(/\d$/, '') ?? '') === shared);
}

/** The modules of a tree, as `guards/password`: what the registry has to know. */
function modulesOf(tree: Tree): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [path] of sources(tree, 'src/modules/')) {
    const owner = path.endsWith('.test.ts') ? null : ownerOf(path, tree);
    if (owner !== null && sharedBy(owner, tree) === null) found.add(owner);
  }
  return found;
}

/** One file, one module: it may be cut into files that carry its name, and knows no other module. */
export const modulesStandAlone: Rule = (tree) =>
  arrowsOf(tree, false)
    .filter(({ from, to }) => from.startsWith('src/modules/') && to.startsWith('src/modules/') && !mayKnow(from, to, tree))
    .map(({ from, to }) => `${from} imports ${to}, another module. Move what both need into core, or let contracts hand it in.`);

/** No circle, types included: a circle means that two files are one, or that a third wants out. */
export const noCircles: Rule = (tree) => {
  const next = new Map<string, string[]>();
  for (const { from, to } of arrowsOf(tree, false)) next.set(from, [...(next.get(from) ?? []), to]);
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): void => {
    const seen = way.indexOf(path);
    if (seen !== -1) {
      found.push(`${[...way.slice(seen), path].join(' → ')} is a circle. Move what both need into a file below them.`);
      return;
    }
    if (done.has(path)) return;
    for (const to of next.get(path) ?? []) visit(to, [...way, path]);
    done.add(path);
  };
  for (const path of next.keys()) visit(path, []);
  return found;
};

const impure = [
  'Buffer',
  'process',
  'console',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'performance',
  'fetch',
  'crypto',
  'globalThis',
];

/** Core is values in, values out. */
export const coreIsPure: Rule = (tree) => {
  const found: string[] = [];
  for (const { from, to } of arrowsOf(tree, false)) {
    if (from.startsWith('src/core/') && !to.startsWith('src/'))
      found.push(`${from} imports ${to}: core imports core only. Hand it in as an argument.`);
  }
  for (const [path, text] of sources(tree, 'src/core/')) {
    if (path.endsWith('.test.ts')) continue;
    const { code } = scan(text);
    for (const name of impure) {
      if (new RegExp(`(?<![.\\w$'])${name}\\b(?!\\??:)`).test(code))
        found.push(`${path} uses ${name}: core has no clock, no chance, no world. Hand the value in.`);
    }
    // A time that is handed in may be written as a date and read from one; the clock itself may not be asked.
    if (/(?<![.\w$])(?:Date\s*\.\s*now\b|new\s+Date\s*(?:\(\s*\)|(?!\s*\())|(?<!new\s+)Date\s*\()/.test(code))
      found.push(`${path} asks the clock: core has none. Hand the time in.`);
    if (/\bMath\s*\.\s*random\b/.test(code)) found.push(`${path} uses Math.random: core has no chance. Hand the bytes in.`);
  }
  return found;
};

/** The registry names every module, and every module is named like its file. */
export const registryIsFresh: Rule = (tree) => {
  const registry = tree.get('src/registry.ts');
  const modules = [...modulesOf(tree)];
  if (registry === undefined)
    return modules.length === 0 ? [] : ['src/registry.ts is missing. Write it: one import for each file of src/modules.'];
  const known = new Set(importsOf(scan(registry)).map((name) => resolved('src/registry.ts', name)));
  const found: string[] = [];
  for (const module of modules) {
    const path = `src/modules/${module}.ts`;
    if (!known.has(path)) found.push(`src/registry.ts does not know ${path}. Add it, or remove the file.`);
    const name = module.split('/')[1] ?? '';
    const says = /\bname: '([^']+)'/.exec(tree.get(path) ?? '')?.[1];
    if (says !== undefined && says !== name)
      found.push(`${path} calls itself "${says}". A module is called like its file: rename one of them.`);
  }
  return found;
};

/** What costs a start dearly, and how it is had without that. */
const dear: ReadonlyMap<string, string> = new Map([
  ['node:http', 'an import of it loads undici. Take it from src/controlplane/node-http.ts'],
  ['yaml', 'a share reads none. Take it from yaml() of src/controlplane/config/document.ts'],
  ['@peculiar/x509', 'making a certificate needs its lower half alone. Take it from loadX509()'],
]);

/** Types cost nothing, and a test may. */
export const startsAreCheap: Rule = (tree) => {
  const found: string[] = [];
  for (const [path, text] of sources(tree, 'src/')) {
    if (isTest(path)) continue;
    for (const [, name = ''] of text.matchAll(/^(?:import|export)\s+(?!type\b)[^;]*?'([^']+)';/gm)) {
      const otherwise = dear.get(name);
      if (otherwise !== undefined) found.push(`${path} imports ${name} at its top: ${otherwise}.`);
    }
  }
  return found;
};
