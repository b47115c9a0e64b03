/** What a guard must be: one file that turns options into a check, and explains itself in words. */

import type { ZodType } from 'zod';
import type { Reply } from '../core/http/reply.ts';
import type { Exchange } from '../core/policy/exchange.ts';
import type { LoginPlace } from '../core/policy/login-steps.ts';
import type { Stage } from '../core/policy/route.ts';
import type { Check, Verdict } from '../core/policy/verdict.ts';
import type { Admits, DoorTerms } from './address-doors.ts';
import type { Tools } from './tools.ts';

export type { Stage };

/**
 * A form or a click below `/.sallyport/` on the service's own name (reserved, never forwarded).
 * The engine matches the path, checks the origin of unsafe methods, hands in the urlencoded body
 * (`limits.formBytesMax` at most) and sends the reply. A guard never touches a socket.
 */
export type Form = Readonly<{
  method: 'GET' | 'POST';
  /** `/.sallyport/login`; a trailing `/*` matches exactly one more segment, handed in as `rest`. */
  path: string;
  handle: (exchange: Exchange, input: Readonly<{ fields: URLSearchParams; rest: string }>) => FormAnswer | Promise<FormAnswer>;
}>;

/** A reply when all is well; a challenge (recorded with its code, its answer null for the uniform face) when not. Never thrown. */
export type FormAnswer = Reply | Extract<Verdict, { is: 'challenge' }>;

/** A form of a proxy's own page: who asks is known. `done` is well, with what the record is to say of it. */
export type PageForm = Readonly<
  Omit<Form, 'handle'> & { handle: (...asked: Parameters<Form['handle']>) => PageAnswer | Promise<PageAnswer> }
>;

export type PageAnswer = FormAnswer | Readonly<{ is: 'done'; answer: Reply; why: string }>;

export type BuiltGuard = Readonly<{
  check: Check;
  forms?: readonly Form[];
  /** Of a guard of a proxy: its own pages there. */
  pages?: readonly PageForm[];
  /** One sentence for `explain`, dashboards and the audit: "a password of ana or ben". No secret. */
  words: string;
  /** For `explain`: whether somebody of that subject (`user:ana`) could come in by this guard, with that request where one is asked about. */
  knows?: (subject: string, exchange?: Exchange) => boolean;
  /** For `explain`: roles of whoever comes in by it, besides their own. */
  roles?: readonly string[];
  /** Of a guard that looks at client certificates: the authorities (PEM) whose certificates the handshake asks for, at this moment. */
  asks?: () => readonly string[];
  /** For `explain`: it is told only where it refuses. */
  quiet?: true;
  /** Of a guard that is satisfied on the page of another service: what stands there. */
  door?: Readonly<{ terms: DoorTerms; admits: Admits }>;
}>;

/**
 * What stands in for a guard where it is not used, so that nobody can tell where it is: the same work, the same limits,
 * the same answers as to wrong credentials, and nobody is ever let in.
 */
export type Decoy = Readonly<{ check: Check; forms: readonly Form[] }>;

export interface Guard<Options> {
  /** Its name in the configuration; the name of its file. */
  readonly name: string;
  readonly stage: Stage;
  /** Parses what the configuration says; unknown keys are errors. */
  readonly options: ZodType<Options>;
  /** Called once per configuration, never per exchange. Throws SallyportError when the options cannot hold (a user list that is empty). */
  build(options: Options, tools: Tools, service: GuardedService): BuiltGuard;
  /** Only of a guard whose refusals differ from the uniform face: a form that says "wrong", a wait after too many guesses. */
  decoy?(tools: Tools): Decoy;
}

/** What a guard may know of the service it stands before. */
export type GuardedService = Readonly<{
  name: string;
  hosts: readonly string[];
  behindRelay: boolean;
  /** Which factors of a login go together with it. Left out: it stands for itself. */
  login?: Pick<LoginPlace, 'way' | 'ways'> & Readonly<{ /** Its own name, where `name` is that of several at one address. */ own: string }>;
}>;

/** Types a guard's definition. The registry holds guards of all options, each behind its own schema. */
export function defineGuard<Options>(guard: Guard<Options>): Guard<Options> {
  return guard;
}
