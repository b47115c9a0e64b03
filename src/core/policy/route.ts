/** A route: which checks judge an exchange that matches it. Pure data, generic over what lies behind. */

import type { Check } from './verdict.ts';

/** Where on the road a guard stands. At `identify` one branch of the route's tree must pass; elsewhere all must. */
export type Stage = 'identify' | 'authorize' | 'meter';

/** At identify one tree must pass: a check, any of several, or all of several. */
export type Tree =
  | Readonly<{ is: 'check'; check: Check }>
  | Readonly<{ is: 'any'; of: readonly Tree[] }>
  | Readonly<{ is: 'all'; of: readonly Tree[] }>;

export type Route<Service> = Readonly<{
  /** For logs and `explain`: `blog`, `blog/rules/1`. */
  name: string;
  service: Service;
  /** Null is refused: nothing is open to everyone unless it says `public`. */
  identify: Tree | null;
  authorize: readonly Check[];
  meter: readonly Check[];
}>;
