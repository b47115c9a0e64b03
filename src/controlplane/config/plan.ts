/** What a configuration says, once it was read: plain values that cannot be wrong. */

import type { MailPlan } from '../../contracts/mail.ts';
import type { AcmePlan } from '../acme/plan.ts';
import type { ClientsPlan } from './clients-keys.ts';
import type { Network as AddressNetwork } from '../../core/address.ts';
import type { Balanced } from '../../core/http/forwarded-for.ts';
import type { Limits } from '../../core/limits.ts';
import type { ServiceLimits } from './limit-keys.ts';
import type { BalancePlan, TimeoutsPlan } from './balance-plan.ts';
import type { EgressBehind } from './proxy-plan.ts';
import type { FixedAnswer } from './fixed-answers.ts';
import type { PagesPlan } from './page-keys.ts';
import type { WebPlan } from './web-plan.ts';
import type { Transport } from '../../core/port-name.ts';
import type { TlsPlan } from './tls-keys.ts';
import type { Verify } from './verify-key.ts';

/** How far the people on the way are trusted: the three presets. */
export type Network = 'trusted' | 'shared' | 'hostile';

/** An address that the gateway listens on itself. */
export type Listen = Readonly<{
  scheme: 'http' | 'https';
  host: string;
  port: number;
  /** Balancers that say who a visitor is, and are believed. */
  trust?: readonly AddressNetwork[];
  /** The field of each request in which they say it; left out, a PROXY header that begins each connection. */
  header?: Balanced['field'];
  /** The name under which systemd hands its socket over. */
  socket?: string;
}>;

/** One guard of a branch, its options parsed by its own schema. */
export type GuardUse = Readonly<{ guard: string; options: unknown }>;

/** Any one branch admits; within a branch all guards must. */
export type Access = readonly (readonly GuardUse[])[];

/** What connections are made to. */
export type Dialled =
  /** `tls`: with its own certificate, its TLS passed on unread. `tcp`: any bytes, behind our TLS. */
  | Readonly<{ is: 'tls' | 'tcp'; host: string; port: number }>
  /**
   * `speaks`: HTTP/1.1 over TLS, or HTTP/2 in the clear (h2c) or over TLS (h2); left out, HTTP/1.1 in the clear.
   * `socket`: the path of a unix socket, which is dialled; host and port are what it is called.
   */
  | Readonly<{ is: 'http'; host: string; port: number; speaks?: 'https' | 'h2c' | 'h2'; socket?: string }>;

/** One of several backends. */
export type BehindMember = Readonly<{ behind: Dialled; weight: number; emergency: boolean }>;

/** What lies behind a service. */
export type Behind =
  /** At a port of the relay's own (`at`, null where that was not said yet): bytes or datagrams as they come. */
  | Readonly<{ is: 'port'; transport: Transport; host: string; port: number; at: number | null }>
  /** With `members` several of the kind, the first of which stands here as well. */
  | (Dialled & Readonly<{ members?: readonly BehindMember[] }>)
  | Readonly<{ is: 'folder'; path: string; indexes: boolean }>
  /** Visitors are led out, where the list says. */
  | EgressBehind
  | FixedAnswer;

export type PackMode = 'on' | 'off' | 'watch';

/** Packs of the firewall beside its paths; left out of a plan where both are off. */
export type FirewallPacks = Readonly<{ protocol: PackMode; responses: PackMode }>;

export type ServicePlan = Readonly<{
  name: string;
  /** Canonical names; empty when none was given. */
  at: readonly string[];
  behind: Behind;
  /** Null: what the preset says. */
  access: Access | null;
  /** Of paths. */
  firewall: PackMode | 'auto';
  packs?: FirewallPacks;
  /** The source address from which the service is dialled; null lets the gateway choose its own. */
  from: string | null;
  /** The PROXY header that begins each connection to it; null for none. */
  proxy: 'v1' | 'v2' | null;
  /** What Host says to the service: `keep` the visitor's, its own `target` address, or a name. */
  rewriteHost: Readonly<{ to: 'keep' }> | Readonly<{ to: 'target' }> | Readonly<{ to: 'name'; name: string }>;
  rawHeaders: boolean;
  /** Whom we take for a service that is asked over TLS; left out, what this machine trusts. */
  verify?: Verify;
  /** `off`: no certificate is ordered for its names. */
  acme?: 'off';
  /** `relay`: the relay may end the TLS of its visitors, and reads everything. */
  terminate?: 'relay';
  /** Left out where it says none. */
  limits?: ServiceLimits;
  balance?: BalancePlan;
  timeouts?: TimeoutsPlan;
  /** Milliseconds since 1970; null for never. */
  expires: number | null;
  /** Milliseconds from the moment it first stood open in this process; null for never. The earlier of both ends it. */
  forMs: number | null;
  /** Its places, rules, routes and rewriting; left out where none is said. */
  web?: WebPlan<Behind>;
}>;

/** The way to the relay as it is written. `secret` names what holds `user:password`; nothing else may. */
export type WrittenVia = Readonly<{
  proxy: Readonly<{ is: 'http' | 'socks5'; host: string; port: number; secret: string | null }> | null;
  /** No proxy, whatever the environment says. */
  direct: boolean;
  /** Carriers in WebSockets, without trying anything else. */
  websocket: boolean;
}>;

export type Config = Readonly<{
  /** `host` or `host:port` of each relay that this gateway is to be at; none when it was not said. */
  relays: readonly string[];
  /** Null: what the environment says. */
  via: WrittenVia | null;
  listen: readonly Listen[];
  network: Network;
  /** Whether a visitor on this machine needs no credential; null: what the preset says. */
  local: 'free' | 'guarded' | null;
  /** Whether plain HTTP may carry passwords beyond this machine (said aloud when it does). */
  plainHttp: 'allow' | 'refuse';
  services: readonly ServicePlan[];
  /** Whom a process becomes that was started as root. */
  user?: string;
  /** TLS towards visitors; left out: what `settleTls` makes of nothing. */
  tls?: TlsPlan;
  /** The authority of its certificates; null or left out: none are ordered. */
  acme?: AcmePlan | null;
  /** What holds for clients of its proxies; left out where nothing was said. */
  clients?: ClientsPlan;
  /** How mail is sent; left out: nothing is. */
  mail?: MailPlan;
  /** How our own pages look and read; left out: as usual. */
  pages?: PagesPlan;
  limits: Partial<Limits>;
}>;
