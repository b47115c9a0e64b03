/** What a configuration says of a proxy, once it was read. */

/** An address of the proxy's own. */
export type ProxyListen = Readonly<{ scheme: 'http' | 'https'; host: string; port: number }>;

/** An entry of a list of destinations, which core/egress/entry.ts can read. */
export type EntryPlan = Readonly<{ text: string; methods?: readonly string[]; who?: readonly string[] }>;

export type EgressBehind = Readonly<{
  is: 'egress';
  /** How it is asked. */
  door: Readonly<{
    http: boolean;
    socks5: boolean;
    hide: boolean;
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
  }>;
}>;
