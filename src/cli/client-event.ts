/** What `sallyport clients` says to scripts. */

import type { ClientLimits } from '../contracts/clients.ts';

/** `key` once, when it was made or rotated here. `members`: the subjects that are this client. `why` it is suspended. */
export type ClientEvent = Readonly<{
  event: 'client';
  name: string;
  contact: string;
  state: 'active' | 'suspended';
  why: string | null;
  members: readonly string[];
  key: string | null;
  roles: readonly string[];
  allow: readonly string[];
  limits: ClientLimits;
  accepted: Readonly<{ version: string; hash: string; at: string; by: string }> | null;
  since: string;
  change: 'added' | 'shown' | 'changed' | 'suspended' | 'resumed' | 'rotated' | 'removed' | null;
}>;

/**
 * What a client used from one day to another, both included. `destination` null for all of them together, `others` for those
 * that are not kept by name. `ownErrors`: of our own making, a part of `errors`. `ms`: of all exchanges together. `connectMs`:
 * the mean; `connectP95Ms`: what 95 of 100 connections took at most, where all are told together.
 */
export type UsageEvent = Readonly<{
  event: 'usage';
  client: string;
  from: string;
  to: string;
  destination: string | null;
  requests: number;
  bytesIn: number;
  bytesOut: number;
  refusals: number;
  errors: number;
  ownErrors: number;
  ms: number;
  connectMs: number | null;
  connectP95Ms: number | null;
}>;
