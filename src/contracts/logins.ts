/** Logins in one step or several: what was shown so far, what comes next, and how guesses are slowed down on the way. */

import type { Reply } from '../core/http/reply.ts';
import type { Exchange } from '../core/policy/exchange.ts';
import type { BegunLogin, LoginPlace } from '../core/policy/login-steps.ts';
import type { Verdict } from '../core/policy/verdict.ts';
import type { Passkeys } from './passkeys.ts';

/** What every guard of a login page shares: one for all services and configurations of a gateway. */
export type Logins = Readonly<{ guesses: Guesses; steps: LoginSteps; codes: Codes; passkeys: Passkeys }>;

/** One guess that was taken, until it is known how it went. */
export type Guess = Readonly<{
  /** Whether it is that of a browser that is known. */
  known: boolean;
  /** It was right: what was counted before it is forgotten as well, but for the network's. */
  right: () => void;
  /** It was not looked at. */
  unmade: () => void;
}>;

/** A name as it was said, whether or not there is such a user; `revision` 0 where there is none. */
export type Guessed = Readonly<{ name: string; revision: number }>;

export interface Guesses {
  /**
   * Takes a guess before it is checked, or says how many milliseconds to wait.
   * @param second a guess at a second factor: its sender has the password already, so the account has one count more, from everywhere
   */
  take(exchange: Exchange, user: Guessed, second?: boolean): Promise<Guess | number>;
  /** The `Set-Cookie` by which the browser is known from then on; null where none can be made. */
  mark(exchange: Exchange, user: Guessed): Promise<readonly [string, string] | null>;
}

/** As `FormAnswer`. */
type Answer = Reply | Extract<Verdict, { is: 'challenge' }>;

export interface LoginSteps {
  /** What this browser has shown at this service on its way to a session; null when it has begun none that stands. */
  begun(exchange: Exchange, service: string): Promise<BegunLogin | null>;
  /**
   * A factor was right. The last of its way opens a session, with a new token; any other leads on to the page of the next.
   * The login that it went on with is over, whatever becomes of the next. Never throws.
   */
  proved(exchange: Exchange, step: ProvedStep): Promise<Answer>;
}

export type ProvedStep = Readonly<{
  place: LoginPlace;
  factor: LoginPlace['way'][number];
  user: Readonly<{ name: string; roles: readonly string[]; revision: number }>;
  /** Null where the way begins with this factor. */
  begun: BegunLogin | null;
  /** Where the visitor wanted to go: a target on this very site. */
  to: string;
  /** How long the session lives. */
  sessionMs: number;
}>;

/** Codes of an authenticator (TOTP, RFC 6238) and the recovery codes beside them. */
export interface Codes {
  /** Synchronous. */
  has(user: string): boolean;
  /**
   * Takes a code once. Who has none, does not exist or may not be here (`admitted`) costs the same and hears `wrong`. `repeated`: it was right and was
   * shown before, or another was that came after it.
   * Errors: `store-unavailable`, `disk-full`: then nobody was let in.
   */
  take(user: string, code: string, admitted?: boolean): Promise<'right' | 'wrong' | 'repeated'>;
}
