/** How a program that serves takes memory and gives it back, where V8's own measure is a bad one. */

import type { Closable } from '../contracts/stream.ts';
import { startBufferCollector } from './buffer-collector.ts';
import { letHeapGrow } from './heap-growth.ts';
import { compileLean } from './lean-compiler.ts';
import { startQuietCollector } from './quiet-collector.ts';

export function startCollectors(): readonly Closable[] {
  letHeapGrow();
  compileLean();
  return [startBufferCollector(), startQuietCollector()];
}
