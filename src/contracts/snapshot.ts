/** The frozen whole that the data plane reads by one reference: what should be, at this moment. */

import type { Code } from '../core/errors.ts';
import type { ProxyFacts } from '../core/egress/destination.ts';
import type { Limits } from '../core/limits.ts';
import type { Reply } from '../core/http/reply.ts';
import type { PageSettings } from '../core/pages/settings.ts';
import type { Exchange } from '../core/policy/exchange.ts';
import type { Route } from '../core/policy/route.ts';
import type { Decoy, Form, PageForm } from './guard.ts';
import type { BuiltUpstream, Forwarding, Open } from './upstream.ts';

/** A service as the data plane needs it. */
export type Service = Readonly<{
  name: string;
  /** Canonical names it answers to; empty means every name (a gateway with one service and no `at`). */
  hosts: readonly string[];
  /** The switch: closed means unreachable, with the face of a name that does not exist. */
  open: boolean;
  /** Milliseconds since 1970, or null for never. Checked per exchange. */
  expires: number | null;
  /** False only for services that say `public`: then refusals may speak plainly. */
  guarded: boolean;
  /** Whether one of its guards takes passwords. Where none does, the snapshot's decoy stands in. */
  asksPassword: boolean;
  /** Whether a relay may end the TLS of its visitors. Nobody's otherwise. */
  relayTerminates?: true;
  forwarding: Forwarding;
  /** Opens its upstream. */
  dial: Open;
  /** Of a proxy: what it would decide about a destination. */
  ruling?: NonNullable<BuiltUpstream['ruling']>;
  /** Below `/.sallyport/`, from its guards. */
  forms: readonly Form[];
  /** Of a proxy: what it shows to who is known to it, below `/.sallyport/` on its own name. Who asks is identified first. */
  pages?: readonly PageForm[];
  /** Its own page for one of our refusals, where it has one: never shown to a stranger of a guarded service. */
  errorPage?: (exchange: Exchange, code: Code) => Reply | null;
  /** Its upstream in words, for error pages meant for the owner: never shown to a stranger. */
  words: string;
}>;

export type Snapshot = Readonly<{
  /** Grows by one with each new configuration. */
  version: number;
  /** The first route that matches in the operator's order, or null. Pure. */
  route: (exchange: Exchange) => Route<Service> | null;
  /** What a stranger is answered by every guarded service of this gateway, whatever was asked: made for this exchange (a page for a navigation, 401 for a program). */
  face: (exchange: Exchange, code: 'credentials-missing' | 'credentials-wrong') => Reply;
  /**
   * Takes a stranger's words wherever no service does: at an open service without a password, at one that is closed or has
   * expired, at a name that nobody has. Null where no service of this gateway takes passwords: then nobody says "wrong".
   */
  decoy: Decoy | null;
  services: readonly Service[];
  /**
   * Whether TLS that asks for this canonical name (null: for none) is passed on to its service unread. Null when no service
   * of this gateway is of that kind: then nobody looks at a hello before its TLS is ended.
   */
  unread: ((name: string | null) => boolean) | null;
  /** The proxy that a name of a TLS handshake leads to (null: none was sent); null where it leads to none. Left out: there is none. */
  proxyFor?: (name: string | null) => ProxyFacts | null;
  /**
   * The authorities (PEM) whose client certificates a handshake for this canonical name asks for, where it is a proxy's for that;
   * null where it asks for none. Left out: no name of this gateway does, and nobody looks at a hello for that.
   */
  asking?: (name: string | null, proxy: ProxyFacts | null) => readonly string[] | null;
  /** The value of Strict-Transport-Security for the answer to an exchange; null, or left out, for none. */
  strictTransport?: ((exchange: Exchange) => string | null) | null;
  /** How our own pages look and read; left out: as usual. */
  pages?: PageSettings;
  limits: Limits;
  /** Proves to ourselves, and to nobody else, that we reached ourselves. New at each start. */
  checkNonce: string;
}>;
