/** The tree of files as a value: what the rules of the house judge, real or made up by a test. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Path, with `/` and relative to the root, to text. */
export type Tree = ReadonlyMap<string, string>;

/** Each finding names the place, what is wrong and the mend. */
export type Rule = (tree: Tree) => readonly string[];

const skipped = new Set(['node_modules', '.git', '.install-lock', 'tmp', 'coverage']);
const textual = /\.(?:ts|mts|mjs|js|json|md|yaml|yml|sh|html|css|txt)$|(?:^|\/)(?:LICENSE|NOTICE|\.npmrc|\.gitignore|run|sallyport)$/;

/** Reads every text file of the checkout, but for what is installed. */
export function readTree(root: string): Tree {
  const tree = new Map<string, string>();
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!skipped.has(entry.name)) walk(path);
      } else if (entry.isFile() && textual.test(path)) {
        tree.set(relative(root, path).replaceAll('\\', '/'), readFileSync(path, 'utf8'));
      }
    }
  };
  walk(root);
  return tree;
}

/** A tree of a test's own making. */
export function treeOf(files: Readonly<Record<string, string>>): Tree {
  return new Map(Object.entries(files));
}

/** Whether a file is a test or serves tests only: free of the limits on length, and of `!`. */
export function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.startsWith('test/');
}

/** The TypeScript of the tree, path by path. */
export function* sources(tree: Tree, below = ''): Generator<readonly [path: string, text: string]> {
  for (const [path, text] of tree) {
    if (path.endsWith('.ts') && path.startsWith(below)) yield [path, text];
  }
}
