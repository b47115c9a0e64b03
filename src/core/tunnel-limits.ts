/** Limits of carriers, relays and their ports; each with its unit, its default, its reason and who else chose so. */

export const tunnelLimits = {
  // The tunnel. A stream's window starts at its share of half of the carrier's cap (32 KiB) and doubles up to 8 MiB
  // while its path needs it (ngrok 256 KiB, cloudflared 6 MB): a stalled visitor costs its own window only, and the
  // cap always holds. 8 MiB are 1 Gbit/s over 60 ms.
  frameBytesMax: 65_536 as number,
  /** JSON on a carrier: a hello, an answer, a hundred names. */
  messageBytesMax: 16_384 as number,
  streamWindowBytes: 8_388_608 as number,
  /** Credit that a peer may give us on one stream: HTTP/2 stops at 2 GiB, cloudflared gives 6 MB. */
  sendWindowBytesMax: 16_777_216 as number,
  carrierWindowBytes: 67_108_864 as number,
  carrierStreamsMax: 1_000 as number,
  carrierIdleMs: 30_000 as number,
  /** Gateways in their greeting, of all addresses together. It takes three round trips: over 100 ms so many are 850 a second. */
  carriersPreAuthMax: 256 as number,
  /** Of one address, so that nobody keeps the others' gateways out by greeting slowly. sshd's MaxStartups has no such share, and suffers. */
  carriersPreAuthPerAddressMax: 8 as number,
  /**
   * And who waits for a place, in all and of one address: a thousand gateways come in the moment in which their relay is back.
   * Each costs a connection and its hello, some 20 KB.
   */
  carriersWaitingMax: 1_024 as number,
  carriersWaitingPerAddressMax: 64 as number,
  /** Of one key: a gateway needs two to eight; of more the oldest goes, so that one gateway cannot fill the relay. */
  carriersPerKeyMax: 16 as number,
  /** How long a silent holder of a name may take to answer a ping before a newcomer of the same key gets it. */
  carrierProbeMs: 3_000 as number,
  /** A thousand gateways with their carriers, and room for those that come while others leave. */
  carriersMax: 4_000 as number,
  /** What a gateway keeps at its relay: one may break, and the other carries on. cloudflared keeps four; eight are taken at most. */
  carriersPerRelay: 2 as number,
  /** Relays of one gateway: two are redundancy, and each costs carriers and an address of every service. */
  relaysMax: 8 as number,
  /** How long a gateway keeps more carriers than its streams need: the next wave mostly comes within minutes, and an idle one costs memory at the relay. */
  carrierSpareMs: 300_000 as number,
  /** How long streams of a carrier that its relay has said goodbye to may go on, if the relay lets them. */
  carrierDrainMs: 1_800_000 as number,
  /** How long a gateway that ends waits for its streams. Who pressed Ctrl-C waits with it. */
  goodbyeMs: 500 as number,
  /**
   * A visitor is held while the gateway of a name that was there a moment ago comes back: so long, so many, of one address and
   * in total, with so many bytes of hellos. Each may bring up to 64 KiB more into its socket's own buffer, which is not read on.
   */
  visitorHoldMs: 5_000 as number,
  visitorsHeldMax: 512 as number,
  visitorsHeldPerAddressMax: 16 as number,
  visitorsHeldBytesMax: 4_194_304 as number,
  /** How long a name that was lost counts as one that may be back, and how many are remembered. */
  nameRememberedMs: 300_000 as number,
  namesRememberedMax: 10_000 as number,
  namesPerCarrierMax: 100 as number,
  /**
   * A name that its DNS proves is looked at again so often, each time a tenth sooner or later; at a registration when that was
   * longer ago than `Fresh`, and more often while it fails. Let's Encrypt asks before each certificate, Cloudflare daily.
   */
  ownNameLookMs: 86_400_000 as number,
  ownNameFreshMs: 3_600_000 as number,
  ownNameFailingLookMs: 3_600_000 as number,
  /** How long name servers may say that the record is gone, and how long they may say nothing, before the name is lost. A weekend passes. */
  ownNameAbsentMs: 86_400_000 as number,
  ownNameFailingMs: 604_800_000 as number,
  /** How long a refusal is repeated without a new lookup, so that nobody makes the relay ask as often as they like; less than a gateway waits to ask again. */
  ownNameRetryMs: 20_000 as number,
  /** Lookups at once, of all gateways together. */
  ownNameLookupsMax: 32 as number,
  /** Visitors that are remembered for a day, of all names with a bound together: some 100 bytes each. Beyond it nobody new comes to such a name. */
  visitorsCountedMax: 200_000 as number,
  /** Gateways that hold one name together, one serving and the others standing by: machines of one owner, not a fleet. */
  gatewaysPerNameMax: 8 as number,
  /** How long a visitor's hello may be unanswered before a gateway that others stand by for is asked for a sign of life. With `carrierProbeMs` less than `visitorHoldMs`. */
  standbyDoubtMs: 1_000 as number,
  /**
   * A carrier whose connection broke may go on over another one for so long, and keeps so many bytes that the other side
   * has not acknowledged: 60 ms of way at 500 Mbit/s. TCP's own patience is minutes; a visitor's is not.
   */
  resumeMs: 10_000 as number,
  resumeBytesMax: 4_194_304 as number,
  /** Between two attempts to reach the relay, at most; jittered. ngrok and cloudflared stay below a minute. */
  redialMs: 30_000 as number,
  inviteMs: 86_400_000 as number,

  /** Connections to a relay that have not said yet where they want to go: each may make it keep 64 KiB (`helloWireBytesMax`). A burst of a thousand is over in milliseconds. */
  hellosMax: 4_096 as number,
  /** Handshakes at once of names whose TLS a relay ends: each costs a signature, some hundred microseconds of one core. */
  edgeHandshakesMax: 256 as number,
  /**
   * A relay turns new visitors away while its event loop is later than this, or it holds more memory than that (or three quarters of
   * what the machine or its container has): before the kernel's own queues and killer decide. Gateways still come in. Envoy sheds
   * by both as well.
   */
  overloadLagMs: 1_000 as number,
  overloadBytesMax: 1_610_612_736 as number,
  // A relay that is stopped: requests end within it, and whoever is new is refused all that time. `docker stop` kills after 10 s.
  drainMs: 3_000 as number,
  /** And how long what runs may go on behind an upgrade, where nobody waits for the end. Envoy's parent shutdown: 15 min. */
  upgradeDrainMs: 900_000 as number,
  /** Relays of earlier upgrades that still drain; of more the oldest ends. Each is a process of some 100 MB. */
  relaysLeavingMax: 3 as number,
  /** How long the new relay of an upgrade may take until it listens. It takes half a second; a store may have to be recovered. */
  successorMs: 20_000 as number,
  /** After it stopped listening a relay hears out who is connected and has not said a name yet, before its gateways are told. Less than `visitorHoldMs`: others wait meanwhile. */
  leaveHelloMs: 2_000 as number,
  /** Listening sockets that are held for a relay. */
  heldSocketsMax: 1_024 as number,
  controlFramesPerSecondMax: 2_000 as number,

  // UDP through a relay. Most home routers forget a quiet flow after 30 to 180 s; RFC 4787 asks for 120, DNS needs one.
  udpIdleMs: 60_000 as number,
  /**
   * Flows of one visitor's address (v6: /64), of one gateway and in all; when there are more the oldest goes whose address is
   * not proved. Half of a carrier's streams, so that a flood of datagrams leaves room for the visitors of names.
   */
  udpFlowsPerAddressMax: 64 as number,
  udpFlowsPerGatewayMax: 500 as number,
  udpFlowsMax: 2_000 as number,
  /** Flows that may begin in a second on one port: a quarter of what a carrier opens for all. */
  udpFlowsPerSecondMax: 250 as number,
  /** Datagrams that wait for one flow in one direction, two of the longest, and of all flows together. More are dropped: UDP's own way. */
  udpFlowBytesMax: 131_072 as number,
  udpWaitingBytesMax: 33_554_432 as number,
};
