/** An exchange: one request and its response, or one connection asked for, as the policy sees it. */

import type { Address } from '../address.ts';
import type { Balanced } from '../http/forwarded-for.ts';
import type { Destination, ProxyFacts } from '../egress/destination.ts';
import type { RequestHead } from '../http/head.ts';
import type { PageSettings } from '../pages/settings.ts';

/** What is known of the way in before a byte of the visitor is read. */
export type ListenerFacts = Readonly<{
  /** The name used in logs: `https://127.0.0.1:8443`, `relay:relay.example.org`. */
  name: string;
  /** What the visitor speaks to us: `http` in the clear, `https` where we end the TLS, `tls` where we pass it on unread, `tcp` and `udp` on a port of its own. */
  scheme: 'http' | 'https' | 'tls' | 'tcp' | 'udp';
  /** The port the visitor dialled, as put into X-Forwarded-Port. */
  port: number;
  /** `relay` when the bytes came through a tunnel; then `from` is the relay's word and never counts as local. */
  via: 'direct' | 'relay';
  /** Whether the socket that accepted listens on a loopback address only. */
  loopback: boolean;
  /** The connection is a balancer's that carries many visitors: each request says who asks. */
  balanced?: Balanced;
  /** The relay has ended the visitor's TLS, with our consent, and reads everything. */
  terminated?: true;
  /** Whoever comes here is led out by this proxy, and to no other service. */
  proxy?: ProxyFacts;
  /** What the visitor showed in the handshake, where its name asks for that. One object for a whole connection. */
  client?: ClientCertificate;
}>;

/** A client certificate (RFC 8446, 4.4.2) whose key the visitor has. Who that is, and whether it stands, is a guard's to say. */
export type ClientCertificate = Readonly<{
  /** DER: the own one first, then those that came with it; empty where TLS found fault. */
  chain: readonly Uint8Array[];
  /** What TLS has against the path to the authorities that were asked for, at the moment of the handshake; null for nothing. */
  fault: string | null;
}>;

/** Who somebody is, once a guard has said so. */
export type Identity = Readonly<{
  /** The guard that said so, by its name in the configuration: `password`, `link`, `ip`, `public` … */
  guard: string;
  /** Stable key for logs, sessions and revocation: `user:ana`, `link:k3f9`, `address:192.0.2.7`, `anyone`. */
  subject: string;
  /** What is shown to people: `ana`. */
  name: string;
  /** How it was shown in this request. `session` and `link` leave Authorization to the service. */
  by: 'basic' | 'session' | 'header' | 'certificate' | 'address' | 'signature' | 'nothing';
  roles: readonly string[];
  /** An e-mail address that whoever said so has verified. */
  email?: string;
  /** The public id of the session that it was shown by: what runs ends with it. */
  session?: string;
  /** The public id of the door that its address came through: what runs ends with it. */
  door?: string;
  /** The client certificate that it was shown by, SHA-256 of its DER in hex: what runs ends with it. */
  certificate?: string;
  /** True where the last segment of the path was the credential: no log keeps it. */
  secretPath?: true;
}>;

/** One exchange. Never changed: a guard's finding makes a new one. */
export type Exchange = Readonly<{
  /** Unique and sortable by time, 26 characters. */
  id: string;
  /** When its head had been read, milliseconds since 1970. */
  at: number;
  listener: ListenerFacts;
  /** The visitor's address: the socket's peer, or the relay's word (see `listener.via`). */
  from: Address;
  /** What the visitor asked for, canonical: lower case, no trailing dot, no port. Empty when nothing was named. */
  host: string;
  /** The name of the TLS handshake, canonical, or null (plain, or none sent). */
  sni: string | null;
  /** What the TLS hello offered, where it was read without ending the TLS (at a relay). */
  alpn?: readonly string[] | undefined;
  /** The head, or null for a connection that is not HTTP. */
  http: RequestHead | null;
  /** Where a proxy is asked to lead; left out everywhere else. */
  destination?: Destination;
  /** Of a request in absolute form: its head as its destination is to get it. It says what is asked for, and never who asks. */
  led?: RequestHead;
  /** Null until the identify stage has passed. */
  identity: Identity | null;
  /** How our own pages look and read; left out: as usual. */
  pages?: PageSettings;
}>;
