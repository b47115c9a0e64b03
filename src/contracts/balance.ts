/** What stands before several backends of one service: it chooses, watches, and opens elsewhere what failed. */

import type { Code } from '../core/errors.ts';
import type { BuiltUpstream } from './upstream.ts';

/** One entry of a list of backends. */
export type Member = Readonly<{
  /** `http://127.0.0.1:3001`: what status and log call it. */
  words: string;
  /** A DNS name, each address of which is a backend; null for what is dialled as it stands. */
  name: string | null;
  /** In proportion to the others; 0: nobody new, only who sticks to it. */
  weight: number;
  /** Used only when all others are away. */
  emergency: boolean;
  /** Makes what dials it, at one address of its name, or at itself. */
  build: (address: string | null) => BuiltUpstream;
}>;

export type Sticky = Readonly<{ by: 'cookie' }> | Readonly<{ by: 'address' }> | Readonly<{ by: 'header'; name: string }>;

export type BalanceRules = Readonly<{
  by: 'turns' | 'least';
  sticky: Sticky | null;
  /** What is asked for to see whether each answers; null: only those that are away are asked, for nothing (`OPTIONS *`). */
  path: string | null;
  everyMs: number;
  /** How long a check may take. */
  withinMs: number;
  failsMax: number;
  /** 0: what came back has its whole share at once. */
  slowMs: number;
  /** Exchanges of all backends together; null: as many as each of them takes. */
  exchangesMax: number | null;
}>;

/** A list of one service (or of one of its routes). `place` tells the lists of all services apart, and stays when a list changes. */
export type Group = Readonly<{ service: string; place: string; members: readonly Member[]; rules: BalanceRules }>;

/** Times are milliseconds since 1970. */
export type BackendState = Readonly<{
  backend: string;
  state: 'up' | 'down';
  since: number;
  /** Why it is away. */
  code: Code | null;
  why: string | null;
  weight: number;
  emergency: boolean;
  /** Exchanges that it carries this moment. */
  live: number;
}>;

export type BackendNews = Readonly<{ service: string; backend: string; state: 'up' | 'down'; code: Code | null; why: string | null }>;

/** Knows the backends of all configurations of a process: what is known of one outlives a reload. */
export interface Balancing {
  build(group: Group): BuiltUpstream;
  /** Of the lists in force, in their order; none for a service without a list. */
  statesOf(service: string): readonly BackendState[];
}
