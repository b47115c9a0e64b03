/** docs/attacks.md tells the truth: each class has a test, and each test speaks of its class. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

type Row = Readonly<{ names: readonly string[]; files: readonly string[] }>;

/** Rows of three cells: names parted by ` · `, words, and files in backquotes. */
const rows: readonly Row[] = read('docs/attacks.md')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| class '))
  .map((line) => {
    const [, names = '', , files = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    return {
      names: names.split(' · ').map((name) => name.toLowerCase()),
      files: [...files.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file),
    };
  });

describe('docs/attacks.md', () => {
  it('names classes and files', () => {
    assert.ok(rows.length > 50, `only ${rows.length} rows were read`);
    for (const { names, files } of rows) assert.ok(files.length > 0, `${names.join()} has no test`);
  });

  it('names files that are there, each of which speaks of its class', () => {
    const missing = rows.flatMap(({ names, files }) =>
      files.flatMap((file) => {
        if (!existsSync(join(root, file))) return [`${file} (${names.join()}) is not there`];
        const text = read(file).toLowerCase();
        return names.some((name) => text.includes(name)) ? [] : [`${file} does not speak of ${names.join(' or ')}`];
      }),
    );
    assert.deepEqual(missing, []);
  });

  it('names no class that no test speaks of', () => {
    const silent = rows.flatMap(({ names, files }) => {
      const texts = files.filter((file) => existsSync(join(root, file))).map((file) => read(file).toLowerCase());
      return names.filter((name) => !texts.some((text) => text.includes(name)));
    });
    assert.deepEqual(silent, []);
  });
});

describe('supply chain', () => {
  it('exact versions, each with its checksum, and no script of a package is run', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      assert.match(version, /^(?:npm:[@\w/.-]+@)?\d+\.\d+\.\d+$/, name);
    const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { integrity?: string; link?: boolean }> };
    for (const [path, { integrity }] of Object.entries(packages)) {
      if (path !== '') assert.match(integrity ?? '', /^sha512-/, path);
    }
    assert.match(read('.npmrc'), /^ignore-scripts=true$/m);
  });
});
