/** Addresses and networks: one spelling for each, v4-mapped v6 folded. */

/** `ip` is canonical (RFC 5952, v4-mapped folded to v4, no zone); `port` 0 when unknown. */
export type Address = Readonly<{ ip: string; port: number }>;
