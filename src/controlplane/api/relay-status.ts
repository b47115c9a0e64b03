/** What a running relay says of itself over its control socket. */

import { z } from 'zod';
import type { Json } from '../../contracts/store.ts';
import type { ControlVerbs } from './verbs.ts';

const gateway = z.object({
  fingerprint: z.string(),
  /** The address that it comes from. */
  from: z.string(),
  /** RFC 3339, UTC. */
  since: z.string(),
  names: z.array(z.string()),
  /** Of them those that another gateway serves. */
  standsBy: z.array(z.string()).optional(),
  streams: z.number(),
  roundTripMs: z.number().nullable(),
});

const shape = z.object({
  pid: z.number(),
  since: z.string(),
  relay: z.object({
    domain: z.string(),
    addresses: z.array(z.string()),
    fingerprint: z.string(),
    gateways: z.array(gateway),
    /** Names whose TLS ends at the relay now: listed by the operator, and agreed to by a gateway that is here. */
    terminates: z.array(z.string()).optional(),
    /** Today’s visitors of names that have a bound of them. */
    visitors: z.array(z.object({ name: z.string(), today: z.number(), refused: z.number() })).optional(),
  }),
});

export type RelayStatus = z.infer<typeof shape>;
export type LiveGatewayFacts = z.infer<typeof gateway>;

/** Null for what is no relay's answer. */
export function readRelayStatus(answer: Json): RelayStatus | null {
  return shape.safeParse(answer).data ?? null;
}

/** What the control socket asks of a relay. */
export interface ControlledRelay {
  readonly addresses: readonly string[];
  readonly fingerprint: string;
  /** `since` in milliseconds since 1970. */
  gateways(): readonly Readonly<{
    fingerprint: string;
    from: string;
    since: number;
    names: readonly string[];
    standsBy?: readonly string[];
    streams: number;
    roundTripMs: number | null;
  }>[];
  /** Of names that gateways hold, whether their TLS ends here now. */
  terminates?(name: string): boolean;
  visitorCounts?(): readonly Readonly<{ name: string; today: number; refused: number }>[];
  refresh(): Promise<void>;
}

/** The verbs of a running relay. */
export function relayVerbs(
  relay: ControlledRelay,
  running: Readonly<{ domain: string; since: number; stop: () => void; refreshed: () => Promise<void> }>,
): ControlVerbs {
  return {
    status: () => ({
      pid: process.pid,
      since: new Date(running.since).toISOString(),
      relay: {
        domain: running.domain,
        addresses: [...relay.addresses],
        fingerprint: relay.fingerprint,
        gateways: relay.gateways().map(({ fingerprint, from, since, names, standsBy = [], streams, roundTripMs }) => ({
          fingerprint,
          from,
          since: new Date(since).toISOString(),
          names: [...names],
          ...(standsBy.length === 0 ? {} : { standsBy: [...standsBy] }),
          streams,
          roundTripMs,
        })),
        ...terminatedBy(relay),
        ...visitorsOf(relay),
      },
    }),
    refresh: async () => {
      await relay.refresh();
      await running.refreshed();
      return true;
    },
    stop: () => {
      running.stop();
      return true;
    },
  };
}

function terminatedBy(relay: ControlledRelay): Readonly<{ terminates?: string[] }> {
  const held = relay.gateways().flatMap(({ names }) => names);
  const ended = held.filter((name) => relay.terminates?.(name) === true);
  return ended.length === 0 ? {} : { terminates: [...new Set(ended)] };
}

function visitorsOf(relay: ControlledRelay): Readonly<{ visitors?: { name: string; today: number; refused: number }[] }> {
  const counts = relay.visitorCounts?.() ?? [];
  return counts.length === 0 ? {} : { visitors: counts.map((count) => ({ ...count })) };
}
