/** What the commands of a relay's operator say: gateways, names, blocks. */

import type { LiveGatewayFacts } from '../controlplane/api/relay-status.ts';

/** `live` is null when no carrier of it stands, `blocked` when it is not. */
export type GatewayEvent = Readonly<{
  event: 'gateway';
  fingerprint: string;
  names: readonly string[];
  live: Readonly<{
    from: string;
    since: string;
    holds: readonly string[];
    /** Of them those that another gateway serves; left out where there are none. */
    standsBy?: readonly string[];
    streams: number;
    roundTripMs: number | null;
  }> | null;
  blocked: string | null;
}>;

/** `owner` null: its record cannot be read. `held`: whether a carrier holds it now; null when no relay runs. */
export type NameEvent = Readonly<{
  event: 'name';
  name: string;
  owner: string | null;
  since: string | null;
  released: string | null;
  expires: string | null;
  held: boolean | null;
  names: readonly string[] | null;
  ports: string | null;
  maxStreams: number | null;
  bytesPerSecond: number | null;
  /** Where visitors are counted: how many may come in a day, and came today; null when no relay runs. */
  visitors?: Readonly<{ most: number; today: number | null; refused: number | null }>;
  /** Where several gateways may hold it: how, which keys (the owner first), and which serves now. */
  shared?: Readonly<{ how: 'standby' | 'spread'; keys: readonly string[]; serves: readonly string[] | null }>;
  /** Of a name outside of the relay's domain: when its DNS proved it last, and since when it does not any more. */
  proof?: Readonly<{ at: string; failing: string | null }>;
  blocked: string | null;
  change: 'transferred' | 'released' | null;
}>;

export type RelayEvent =
  | GatewayEvent
  | NameEvent
  | Readonly<{
      event: 'block';
      kind: 'name' | 'address' | 'gateway';
      what: string;
      why: string | null;
      since: string | null;
      change: 'added' | 'removed' | null;
    }>
  /** `missed`: gateways that are away and may not have heard of it, or relays that could not be told. */
  | Readonly<{ event: 'rotation'; of: 'relay' | 'gateway'; fingerprint: string; next: string | null; missed: readonly string[] }>
  | Readonly<{
      event: 'relay';
      pid: number;
      since: string;
      domain: string;
      addresses: readonly string[];
      fingerprint: string;
      gateways: readonly LiveGatewayFacts[];
      /** Whose TLS ends at the relay now: it reads everything of them. */
      terminates?: readonly string[] | undefined;
    }>;
