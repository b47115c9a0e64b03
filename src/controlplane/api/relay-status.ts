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
  streams: z.number(),
  roundTripMs: z.number().nullable(),
});

const shape = z.object({
  pid: z.number(),
  since: z.string(),
  relay: z.object({ domain: z.string(), addresses: z.array(z.string()), fingerprint: z.string(), gateways: z.array(gateway) }),
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
    streams: number;
    roundTripMs: number | null;
  }>[];
  refresh(): Promise<void>;
}

/** The verbs of a running relay. */
export function relayVerbs(
  relay: ControlledRelay,
  running: Readonly<{ domain: string; since: number; stop: () => void; refreshed: () => Promise<void> }>,
): ControlVerbs {
  return {
    status: (): RelayStatus => ({
      pid: process.pid,
      since: new Date(running.since).toISOString(),
      relay: {
        domain: running.domain,
        addresses: [...relay.addresses],
        fingerprint: relay.fingerprint,
        gateways: relay.gateways().map(({ fingerprint, from, since, names, streams, roundTripMs }) => ({
          fingerprint,
          from,
          since: new Date(since).toISOString(),
          names: [...names],
          streams,
          roundTripMs,
        })),
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
