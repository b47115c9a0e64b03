/** What can be asked of a running process over its control socket, and what it answers. */

import { z } from 'zod';
import type { Json } from '../../contracts/store.ts';

/** What each verb takes, parsed at the socket: unknown keys are errors. */
export const requests = {
  /** Which process it is, and what it has open. */
  status: z.strictObject({}),
  /** The switch of a service: on. */
  open: z.strictObject({ service: z.string().min(1).max(200) }),
  /** And off: unreachable at once, live streams included; or, with `maintenance`, answered by this text. */
  close: z.strictObject({ service: z.string().min(1).max(200), maintenance: z.string().min(1).max(1_000).optional() }),
  /** Which rule decides a request of that method for that URL from that address, by that user. Opens nothing. */
  explain: z.union([
    z.strictObject({
      url: z.string().max(8_192),
      method: z.string().max(40),
      from: z.string().max(60),
      as: z.string().max(200).nullable(),
    }),
    /** Where a proxy would lead. */
    z.strictObject({
      destination: z.string().max(1_024),
      method: z.string().max(40),
      as: z.string().max(200).nullable(),
      proxy: z.string().max(200).nullable(),
    }),
  ]),
  /** Orders the certificate of a name anew, at once. */
  renew: z.strictObject({ name: z.string().min(1).max(253) }),
  /** Reads the configuration again: the whole of it, or nothing. */
  reload: z.strictObject({}),
  /** Of a relay: what was written to the store before holds when the answer comes. */
  refresh: z.strictObject({}),
  /** A relay: starts the code that is on the disk now, and hands over to it. */
  upgrade: z.strictObject({}),
  /** Ends the process as Ctrl-C does. */
  stop: z.strictObject({}),
} as const;

export type ControlVerb = keyof typeof requests;
export type ControlRequest<Verb extends ControlVerb> = z.infer<(typeof requests)[Verb]>;

/**
 * The table that a process hands in: the verbs that it has. What a verb throws as SallyportError is told to the caller with
 * its code; anything else is our fault and told as `program-failed` without details.
 */
export type ControlVerbs = { readonly [Verb in ControlVerb]?: (request: ControlRequest<Verb>) => Json | Promise<Json> };

export function isVerb(text: string): text is ControlVerb {
  return Object.hasOwn(requests, text);
}
