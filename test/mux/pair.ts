/** Two sessions that talk to each other without a socket: bytes are carried by hand, in any pieces. */

import type { MuxEvent, MuxLimits } from '../../src/core/mux/events.ts';
import { framesBytes, writeFrames } from '../../src/core/mux/frame.ts';
import type { FrameType } from '../../src/core/mux/frame.ts';
import { writeHeader } from '../../src/core/mux/frame.ts';
import type { Opening } from '../../src/core/mux/opening.ts';
import { MuxSession } from '../../src/core/mux/session.ts';
import { defaults } from '../../src/core/limits.ts';

export const opening: Opening = {
  id: 'exchange-1',
  ip: '192.0.2.7',
  visitorPort: 50_000,
  listenerPort: 443,
  sni: 'blog.example.org',
  alpn: ['h2', 'http/1.1'],
};

/** What the session would write now. */
export function wire(session: MuxSession, dataBytesMax = 1 << 20): Uint8Array {
  const { frames } = session.take(dataBytesMax);
  const bytes = new Uint8Array(framesBytes(frames));
  writeFrames(frames, bytes);
  return bytes;
}

/** One frame by hand, as a hostile peer would write it. */
export function raw(type: FrameType, stream: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(12 + payload.length);
  writeHeader(bytes, 0, type, stream, payload.length);
  bytes.set(payload, 12);
  return bytes;
}

/** Hands the bytes over in pieces of `size`. */
export function deliver(to: MuxSession, bytes: Uint8Array, size = Number.MAX_SAFE_INTEGER, now = 0): MuxEvent[] {
  const events: MuxEvent[] = [];
  for (let at = 0; at < bytes.length; at += size) events.push(...to.receive(bytes.subarray(at, at + size), now));
  return events;
}

/** A relay and a gateway that have greeted each other. */
export function pair(changes: Partial<MuxLimits> = {}): Readonly<{ relay: MuxSession; gateway: MuxSession }> {
  const limits = { ...defaults, ...changes };
  const relay = new MuxSession({ side: 'relay', limits, now: 0 });
  const gateway = new MuxSession({ side: 'gateway', limits, now: 0 });
  gateway.message('hello', { from: 'gateway' });
  deliver(relay, wire(gateway));
  relay.message('accepted', { from: 'relay' });
  relay.begin(gateway.ours);
  deliver(gateway, wire(relay));
  gateway.begin(relay.ours);
  return { relay, gateway };
}

/** The fault among the events, or null. */
export function faultOf(events: readonly MuxEvent[]): string | null {
  for (const event of events) {
    if (event.is === 'fault') return event.fault.code;
  }
  return null;
}
