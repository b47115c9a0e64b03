/** When garbage is collected in a program that serves, where V8's own measure is a bad one. */

import type { Closable } from '../contracts/stream.ts';
import { startBufferCollector } from './buffer-collector.ts';
import { letHeapGrow } from './heap-growth.ts';
import { startQuietCollector } from './quiet-collector.ts';

export function startCollectors(): readonly Closable[] {
  letHeapGrow();
  return [startBufferCollector(), startQuietCollector()];
}
