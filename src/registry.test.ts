/** Every file of src/modules is registered under its own name, and nothing else is. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { guards, upstreams, wired } from './registry.ts';

const root = new URL('./modules/', import.meta.url);

function filesOf(kind: string): readonly string[] {
  return readdirSync(new URL(`${kind}/`, root))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => name.slice(0, -'.ts'.length))
    .toSorted();
}

/** A module may be cut into files that carry its name: `sqlite-schema` belongs to `sqlite`. */
function modulesOf(kind: string): readonly string[] {
  const files = filesOf(kind);
  return files.filter((file) => !files.some((other) => file.startsWith(`${other}-`)));
}

test('every file of src/modules is registered, and only those', () => {
  const registered: Readonly<Record<string, readonly string[]>> = {
    guards: [...guards.keys()],
    upstreams: [...upstreams.keys(), ...Object.keys(wired.upstreams)],
    protocols: Object.keys(wired.protocols),
    sinks: Object.keys(wired.sinks),
    stores: Object.keys(wired.stores),
    transports: [],
  };
  for (const kind of readdirSync(root)) assert.deepEqual([...(registered[kind] ?? [])].toSorted(), modulesOf(kind), kind);
});

test('a guard of the identify stage refuses options that it does not know', () => {
  for (const guard of guards.values()) assert.equal(guard.options.safeParse({ 'no such option': true }).success, false, guard.name);
});
