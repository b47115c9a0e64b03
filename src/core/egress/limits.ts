/** The limits of a proxy: as those of core/limits.ts, of which they are a part. */

export const egressLimits = {
  // The proxy. A tunnel that is quiet: Squid cuts at 15 min, HAProxy's documentation says 1 h; and one that never ends: a day.
  tunnelIdleMs: 600_000 as number,
  tunnelLifeMs: 86_400_000 as number,
  /** Connections that one proxy has out at once, unless it says its own number: as many as come in. */
  tunnelsMax: 10_000 as number,
  /** One question to the resolver with all its tries; nginx 30 s, Squid 30 s, a person less. */
  resolverMs: 5_000 as number,
  /** Names whose addresses are remembered, some 300 bytes each, and how long at most, whatever the record says: an address that moved is asked for again. */
  resolverNamesMax: 10_000 as number,
  resolverAgeMs: 60_000 as number,
  /** Names that are asked for at once: beyond them a visitor hears that there is too much to do. */
  resolverQueriesMax: 256 as number,
  /** Addresses of one name that are looked at: more is a mistake or an attack. Browsers try as many. */
  destinationAddressesMax: 16 as number,
  /** How long one address may be silent before the next is tried beside it (RFC 8305, 5). */
  dialStaggerMs: 250 as number,
  /** How old what we know of this machine's own addresses may be before it is read again. */
  ownAddressesMs: 1_000 as number,
  /** Connections to destinations that wait for their client's next request, of one proxy, some 20 KB each; of one client to one place, for many people may share a key; and how long. */
  egressIdleMax: 1_000 as number,
  egressIdlePerPlaceMax: 128 as number,
  egressIdleMs: 10_000 as number,
  /** Proxies that a request may have come through, as they say themselves: a way that is longer is a circle. */
  proxyHopsMax: 8 as number,
  // UDP ASSOCIATE: of one proxy, and of one client, a machine with many programs that leaves room for the others.
  associationsMax: 256 as number,
  associationsPerClientMax: 64 as number,
  /** Places that one association may hear from, and its datagrams that wait for a name to be looked up. */
  associationPlacesMax: 64 as number,
  associationWaitingMax: 16 as number,
  /** A place that has said nothing and was told nothing for so long is forgotten. RFC 4787, 4.3: two minutes at least. */
  associationIdleMs: 120_000 as number,
};
