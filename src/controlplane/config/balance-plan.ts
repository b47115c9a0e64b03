/** How several backends of a service are balanced, and how long each may take, once that was read. */

import type { BalanceRules } from '../../contracts/balance.ts';

/** How a list is balanced; `connections` for each backend, null for what the limits say. */
export type BalancePlan = Readonly<{ rules: Omit<BalanceRules, 'exchangesMax'>; connections: number | null }>;

/** Milliseconds; left out, what the gateway's limits say. */
export type TimeoutsPlan = Readonly<{ dialMs?: number; answerMs?: number; idleMs?: number }>;

/** What holds for a list that says nothing else. */
export const usualBalance: BalancePlan = {
  rules: { by: 'turns', sticky: null, path: null, everyMs: 2_000, withinMs: 2_000, failsMax: 3, slowMs: 0 },
  connections: null,
};
