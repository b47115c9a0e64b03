/** Which test files share a process, and which begin first. A process of its own costs more than half a second of CPU for each file, and there are hundreds. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Those that wait most of their time begin first: the others work meanwhile. The longest is the first. */
const longest = [
  'test/faults/storm.test.ts',
  'test/checks.test.ts',
  'test/faults/upgrade.test.ts',
  'test/e2e/tcp.test.ts',
  'test/faults/storm-eye.test.ts',
  'test/faults/loss.test.ts',
  'test/mux/way.test.ts',
];

/** So many files below that folder share a process. Few where each takes seconds: a process ends when its last file has ended. */
const together = [
  ['src/dataplane/', 9],
  ['src/', 20],
  ['test/e2e/', 12],
  ['test/browser/', 5],
  ['test/tunnel/', 8],
  ['test/conformance/', 4],
  ['test/faults/', 2],
  ['test/fuzz/', 4],
  ['test/', 3],
  ['examples/', 4],
  ['bench/', 4],
];

/** These words in a file's first lines give it a process of its own: it counts memory or open files, or changes what others see. */
const alone = /in a process of its own/i;

/** @param {string} root the checkout @returns {string[]} the paths of all test files, from the root */
export function testFiles(root) {
  return ['src', 'test', 'examples', 'bench']
    .flatMap((folder) => below(join(root, folder)))
    .map((path) => relative(root, path).replaceAll('\\', '/'));
}

function below(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return below(path);
    return entry.name.endsWith('.test.ts') ? [path] : [];
  });
}

/** @returns {{ name: string, files: string[] }[]} each a process, in the order in which they begin */
export function plan(root, files) {
  const first = longest.filter((file) => files.includes(file));
  const rest = files.filter((file) => !longest.includes(file));
  const groups = new Map();
  for (const file of rest) {
    const [folder, most] = together.find(([folder]) => file.startsWith(folder)) ?? [file, 1];
    const single = most === 1 || alone.test(readFileSync(join(root, file), 'utf8').slice(0, 600));
    const key = single ? file : folder;
    groups.set(key, { most, files: [...(groups.get(key)?.files ?? []), file] });
  }
  const shared = [...groups].flatMap(([key, { most, files }]) => dealt(key, files, Math.ceil(files.length / most)));
  // Single files are the heavier ones: whole programs. The small ones fill the gaps at the end.
  return [
    ...first.map((file) => ({ name: file, files: [file] })),
    ...shared.toSorted((left, right) => left.files.length - right.files.length),
  ];
}

/** Dealt like cards: neighbours in a folder are alike, and what takes long is not all in one process. */
function dealt(name, files, count) {
  return Array.from({ length: count }, (_, turn) => {
    const hand = files.filter((_, index) => index % count === turn);
    return { name: hand.length === 1 ? hand[0] : `${name}${turn + 1}`, files: hand };
  });
}

/**
 * Writes a file for each process. Node's runner begins them in the order of their names; the tests keep their own names and places.
 *
 * @returns {string[]} their paths
 */
export function writePlan(root, groups) {
  // A name of its own for each plan: who runs the tests twice at once, or edits meanwhile, takes nothing away from the other.
  const hash = createHash('sha256').update(JSON.stringify(groups)).digest('hex').slice(0, 12);
  const folder = join(root, 'node_modules', '.tests', hash);
  mkdirSync(folder, { recursive: true });
  const runner = pathToFileURL(join(root, 'scripts', 'test-process.mjs')).href;
  return groups.map(({ name, files }, index) => {
    const path = join(folder, `${String(index + 1).padStart(3, '0')}-${name.replaceAll(/[^\w.]+/g, '-').replace(/-$/, '')}.mjs`);
    const urls = files.map((file) => [file, pathToFileURL(join(root, file)).href]);
    const words = [name, urls].map((word) => JSON.stringify(word)).join(', ');
    writeFileSync(path, `import { runFiles } from ${JSON.stringify(runner)};\nrunFiles(${words});\n`);
    return path;
  });
}
