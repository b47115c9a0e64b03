/** What a configuration says of a proxy, once it was read. */

import type { ContentRule } from '../../core/egress/content.ts';

/** An address of the proxy's own. */
export type ProxyListen = Readonly<{ scheme: 'http' | 'https'; host: string; port: number }>;

/** An entry of a list of destinations, which core/egress/entry.ts can read. */
export type EntryPlan = Readonly<{ text: string; methods?: readonly string[]; who?: readonly string[] }>;

/** A proxy that is asked in turn. `ca` is a path; `secret` the name of one. */
export type ProxyVia = Readonly<{
  is: 'http' | 'https' | 'socks5';
  host: string;
  port: number;
  secret: string | null;
  ca?: string;
  /** Where names are looked up. */
  resolve: 'here' | 'there';
}>;

export type EgressBehind = Readonly<{
  is: 'egress';
  /** How it is asked. */
  door: Readonly<{
    http: boolean;
    socks5: boolean;
    hide: boolean;
    udp?: true;
    listen: readonly ProxyListen[];
    /** Whether credentials may come in the clear from beyond this machine. */
    clear: boolean;
  }>;
  /** Where it leads: the options of the upstream. */
  way: Readonly<{
    allow: readonly EntryPlan[];
    deny: readonly EntryPlan[];
    mode: 'enforce' | 'watch';
    sni: 'match' | 'any';
    resolver: readonly string[] | null;
    via?: ProxyVia;
    requests?: ContentRule;
    answers?: ContentRule;
  }>;
}>;

/** The paths of a proxy made absolute. */
export function settleEgress(behind: EgressBehind, absolute: (path: string) => string): EgressBehind {
  const { via } = behind.way;
  return via?.ca === undefined ? behind : { ...behind, way: { ...behind.way, via: { ...via, ca: absolute(via.ca) } } };
}
