/** Puts the relay's edge together: an engine of its own, whose upstream is the tunnel. */

import { edgeSnapshot } from './edge-snapshot.ts';
import { EdgeStreams } from './edge-streams.ts';
import { Edge } from './edge.ts';
import type { RelayOptions } from './options.ts';
import type { RelayParts } from './parts.ts';
import type { Visitors } from './visitors.ts';

/** It ends no TLS before `set` has named what. */
export function buildEdge({ domain, limits, pages, edge: wanted }: RelayOptions, parts: RelayParts, visitors: Visitors): Edge {
  const { names, deadlines } = parts;
  const streams = new EdgeStreams((visitor, caller) => names.open(visitor, caller));
  const snapshot = edgeSnapshot({
    isTerminated: (name) => edge.isTerminated(name),
    dial: streams.dial,
    firewall: wanted?.firewall ?? true,
    pages,
    limits,
  });
  const edge = new Edge({ engine: parts.engine(snapshot, true), names, visitors, streams, domain, limits, deadlines });
  return edge;
}
