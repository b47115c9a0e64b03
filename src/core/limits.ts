/** Every limit: its unit in its name, its default, its reason and who else chose so. */

import { egressLimits } from './egress/limits.ts';
import { tunnelLimits } from './tunnel-limits.ts';

/** A limit is never "none": what can grow has an end. */
export type Limits = Readonly<typeof defaults>;

export const defaults = {
  // Heads. 16 KiB as Node, HAProxy and Caddy; 100 fields as HAProxy; Caddy and Apache take 8 KiB targets.
  headBytesMax: 16_384 as number,
  headFieldsMax: 100 as number,
  targetBytesMax: 8_192 as number,
  /** The trailers of a chunked body, all of them. Envoy 8 KiB. */
  trailerBytesMax: 4_096 as number,
  /** One line that says how long a chunk is, with extensions that are checked and dropped: signed uploads send 90 bytes. */
  chunkLineBytesMax: 256 as number,
  /** What chunk lines may weigh beyond 16 bytes each and twice the data, in one body. As Go's net/http (CVE-2023-39326). */
  chunkOverheadBytesMax: 16_384 as number,
  /** Interim answers (1xx) before the final one: a service that sends more is broken or hostile. curl stops at 20 redirects alike. */
  interimResponsesMax: 16 as number,
  /** A fixed answer of the configuration, and an error page of one's own, or the terms of a proxy: kept in memory. What is longer belongs into a folder. */
  fixedAnswerBytesMax: 1_048_576 as number,
  errorPageBytesMax: 65_536 as number,
  /** A file with texts of our own pages: all of them in twenty languages. The logo on them is sent to every stranger. */
  pageTextsBytesMax: 262_144 as number,
  logoBytesMax: 65_536 as number,
  /**
   * The content of one request that is passed on, where its service says nothing else: it is never kept, so what is bounded is
   * what a service may be made to swallow. As good as none, for films and backups are sent as well; nginx has 1 MiB, Caddy none.
   */
  bodyBytesMax: 1_099_511_627_776 as number,
  /** The whole of a form below /.sallyport/. */
  formBytesMax: 16_384 as number,
  /** A webhook's body is gathered for its signature: GitHub caps at 25 MB, Stripe stays below 1 MB. */
  webhookBodyBytesMax: 5_242_880 as number,
  /** Bodies that are gathered at one moment, of all visitors together: anybody may send a signature of the right form. A short one (`bodyHeldBytesMax`) is not counted. */
  gatheredBytesMax: 67_108_864 as number,

  /**
   * How much of a body is awaited before the service hears of the request, and how long for a chunked one:
   * a message that never completes then never reaches it, and a small one can be sent in one piece.
   */
  bodyHeldBytesMax: 16_384 as number,
  bodyHeldMs: 5_000 as number,

  // Times. A head may take 10 s (slowloris); a body must move each 60 s (nginx); keep-alive 60 s, 1,000 requests (nginx).
  headMs: 10_000 as number,
  handshakeMs: 10_000 as number,
  helloMs: 5_000 as number,
  idleMs: 60_000 as number,
  /** The slowest that a body may come on average, once it had its grace: Kestrel 240 bytes after 5 s, Apache 500 after 20 s. */
  bodyBytesPerSecondMin: 240 as number,
  bodyGraceMs: 10_000 as number,
  /** The slowest that an answer may be taken while it waits. One buffer of 64 KiB then has the minute of `idleMs`; Kestrel 240. */
  answerBytesPerSecondMin: 1_000 as number,
  keepAliveMs: 60_000 as number,
  keepAliveExchangesMax: 1_000 as number,
  /** After an early answer the rest of a body is read and thrown away for a while, so that the answer is not lost to a reset (RFC 9112, 9.6; nginx 5 s). */
  lingerMs: 2_000 as number,
  lingerBytesMax: 1_048_576 as number,
  /** A WebSocket or an event stream may be silent for longer: PageKite and Cloudflare cut at 100 s, proxies at 1 h. */
  upgradedIdleMs: 3_600_000 as number,
  dialMs: 5_000 as number,
  /** From the request's last byte to the response's head. nginx waits 60 s; report pages take longer. */
  answerMs: 120_000 as number,

  // Connections.
  connectionsMax: 10_000 as number,
  /** For each IPv4 address, and for each IPv6 /64. */
  connectionsPerAddressMax: 100 as number,
  /**
   * As many as may be in use: with fewer, visitors beyond them each cost a dial (measured: 64 made 256 visitors 13 times
   * slower). What is idle for `poolIdleMs` goes, and the one used last is taken first, so a quiet service keeps few.
   */
  poolIdlePerServiceMax: 1_000 as number,
  poolIdleMs: 30_000 as number,
  upstreamsPerServiceMax: 1_000 as number,
  /** Backends of one list. HAProxy and nginx have none; each is looked at for each choice. */
  backendsMax: 64 as number,
  /** Addresses of one name that are a backend each: an answer of DNS in one datagram holds some thirty. */
  backendAddressesMax: 32 as number,
  /** How often the names of backends are looked up again. The system's resolver does not tell how long its answer holds; HAProxy holds one for 10 s, nginx for its TTL. */
  backendNamesMs: 30_000 as number,
  /** Backends that are dialled for one exchange until one takes the connection: each may cost `dialMs`. HAProxy 4 in all. */
  upstreamDialsMax: 4 as number,
  /** How often an idempotent request that got no byte of an answer is sent again: a request that kills its backend must not kill them all. */
  upstreamRepeatsMax: 2 as number,

  /** Visitors whose rate is remembered, of all services together: some 150 bytes each. Of more the quietest is forgotten. */
  rateKeysMax: 50_000 as number,

  // HTTP/2. 100 streams as Go and Envoy; nginx 128. Each may bring as much unread as its window.
  http2StreamsMax: 100 as number,
  http2WindowBytes: 262_144 as number,
  /** All fields of a head with 32 bytes each for their entry (RFC 9113, 6.5.2): what HPACK may unpack to. Twice `headBytesMax`, as entries are counted. */
  http2HeadListBytesMax: 32_768 as number,
  /** What one connection may keep in heads, frames that wait and streams. Node's own default. */
  http2ConnectionBytesMax: 10_485_760 as number,
  /** PING and SETTINGS that must be answered (CVE-2019-9512, -9515): gRPC measures its path by some a second. */
  http2ControlFramesPerSecondMax: 100 as number,
  /** Streams that came to nothing: reset by the visitor, or made to be reset (CVE-2023-44487, CVE-2025-8671). A browser that leaves a page resets those that run. */
  http2ResetsPerSecondMax: 50 as number,
  /** Bytes of frames that ask for nothing and bring nothing: windows, priorities, empty data, unknown types. A thousand window updates. */
  http2WasteBytesPerSecondMax: 16_384 as number,
  /** Requests of one connection before it is said goodbye to. nginx 1,000; HTTP/2 has one connection where HTTP/1.1 has six. */
  http2ExchangesMax: 10_000 as number,
  /** A visitor with open streams who is silent for so long is asked whether they are there, and has as long again for the answer. */
  http2PingMs: 30_000 as number,

  // TLS hello, read without a handshake: OpenSSL takes 16 KiB; 1-byte records are legal, so the wire cap is wider.
  helloBytesMax: 16_384 as number,
  helloWireBytesMax: 65_536 as number,

  /** A PROXY header of version 2 with its extensions: AWS and Azure add some 100 bytes, a client certificate's subject some more. HAProxy's own buffer is 16 KiB. */
  proxyHeaderBytesMax: 4_096 as number,

  ...tunnelLimits,

  ...egressLimits,

  // People. Two hashes at a time (argon2 shares the runtime's four pool threads with DNS and fsync), the rest queue or are refused.
  hashesAtOnceMax: 2 as number,
  hashQueueMax: 32 as number,
  passwordBytesMax: 1_024 as number,
  sessionMs: 43_200_000 as number,
  /**
   * A session that nobody used for so long ends before its time. NIST SP 800-63B-4 asks for an hour at AAL2 and for none at
   * AAL1, where a password alone stands: two, so that nobody signs in again after lunch.
   */
  sessionIdleMs: 7_200_000 as number,
  /** How often the last use of a session is written: as of a key. */
  sessionUseMs: 60_000 as number,
  sessionsMax: 10_000 as number,
  usersMax: 10_000 as number,
  linksMax: 10_000 as number,
  /** How often a counted link may be opened: more is no counting. */
  linkUsesMax: 10_000 as number,
  /** Networks that one link opens from. Each session looks at them with each request. */
  linkNetworksMax: 32 as number,
  /** Openings of counted links that wait for the store, of all links together: each is one write. */
  linkSpendsMax: 1_000 as number,
  keysMax: 10_000 as number,
  /** Clients of a proxy: each is a contract with somebody. */
  clientsMax: 1_000 as number,
  /** Keys, users and certificates of one client: its record has 64 KiB. */
  clientMembersMax: 100 as number,
  /** How often what clients have used is written: as much is lost when the process dies. */
  clientUseMs: 5_000 as number,
  /** How often the last use of a key is written: a busy one must not cost a write a request. GitHub shows weeks. */
  keyUseMs: 60_000 as number,
  sessionsPerSubjectMax: 1_000 as number,
  /** Addresses that are let in after a login, in all and for one person (or link): a phone, a laptop and some places where they were. */
  doorsMax: 10_000 as number,
  doorsPerSubjectMax: 20 as number,
  passwordCharsMin: 12 as number,
  /** Wrong guesses: five for one person from one network in two minutes (Authelia bans at 3), twenty for one network. */
  guessesPerAccountMax: 5 as number,
  guessesPerAddressMax: 20 as number,
  guessWindowMs: 120_000 as number,
  /** The wait after them; it doubles up to an hour. Authelia waits 5 min, fail2ban 10 min. */
  guessWaitMs: 60_000 as number,
  guessWaitMsMax: 3_600_000 as number,
  guessKeysMax: 10_000 as number,
  /** Wrong codes for one account from everywhere within that window, once its password was right. NIST SP 800-63B-4, 3.2.2: 100 at most. */
  codeGuessesMax: 50 as number,
  /** Passkeys of one user at all hosts together: several devices at several services. */
  passkeysPerUserMax: 100 as number,
  /** How long an invitation to make a passkey stands: it is made when somebody asks for it. */
  passkeyInvitationMs: 86_400_000 as number,
  passkeyInvitationsMax: 10_000 as number,
  /** How long a browser that somebody signed in with is known, so that strangers' guesses do not hold it up. Half a year. */
  deviceMs: 15_552_000_000 as number,
  /** How old a webhook's signature may be, and how far ahead its clock. Stripe's own libraries: 5 min. */
  signatureAgeMs: 300_000 as number,
  credentialCacheMax: 1_000 as number,
  credentialCacheMs: 300_000 as number,

  // Certificates from an authority.
  /** Names of one gateway: Let's Encrypt gives 50 new certificates a week for a domain. */
  acmeNamesMax: 100 as number,
  /** Of all processes of a store: a mistake must not use up what the authority allows (300 in three hours). */
  acmeOrdersPerHourMax: 50 as number,
  /** One order, from its first word to the certificate. DNS may take minutes to spread. */
  acmeOrderMs: 600_000 as number,
  /** The program that writes a DNS record, which waits until the world sees it. */
  acmeHookMs: 120_000 as number,
  /** Who orders for a name holds it for so long, and again and again: what a killed one leaves ends by itself. */
  acmeLeaseMs: 60_000 as number,
  /** The wait after a failed order; it doubles up to a day. Let's Encrypt allows five failures an hour for a name. */
  acmeRetryMs: 60_000 as number,
  acmeRetryMsMax: 86_400_000 as number,

  // Tokens and logins of others.
  /** From the dial to the last byte of an issuer. A login waits for two or three of them. */
  outgoingMs: 10_000 as number,
  /** A set of keys has some 5 KB, metadata as much. */
  outgoingBytesMax: 262_144 as number,
  /** Questions to issuers at one moment, of all visitors together. */
  outgoingAtOnceMax: 16 as number,
  /** A verifier is asked about each request (forward-auth): from the dial to the last byte, the bytes of its answer, and questions at one moment. */
  verifierMs: 5_000 as number,
  verifierBytesMax: 65_536 as number,
  verifierAtOnceMax: 512 as number,
  /** Issuers whose keys are kept. */
  issuersMax: 100 as number,
  /** Keys of one issuer: those of today and tomorrow, for each algorithm. */
  issuerKeysMax: 100 as number,
  /** How long keys are taken as they are: a key that its issuer takes back is good for so long. */
  issuerFreshMs: 600_000 as number,
  /** How long they are used when the issuer is away. */
  issuerStaleMs: 3_600_000 as number,
  /** The shortest time between two looks for new keys: a stranger's token may be the cause. */
  issuerRetryMs: 30_000 as number,
  /** A token; its whole head has 16 KiB. Those with many groups have some 4 KB. */
  tokenCharsMax: 8_192 as number,
  /** How far the clocks of an issuer and of us may be apart. */
  tokenSkewMs: 60_000 as number,
  /** How long a token that was good is taken without a new look: one that its issuer takes back is good for so long. */
  tokenCacheMs: 60_000 as number,
  /** A login at a provider, from the first redirect to the callback: some type a second factor. */
  loginMs: 600_000 as number,

  // Mail.
  /** Letters that are sent at one moment: servers allow few connections of one client (Exchange Online: 3). */
  mailsAtOnceMax: 2 as number,
  /** Letters that wait: at two at once and a second each, a minute's worth. */
  mailQueueMax: 100 as number,
  /** From the dial to the server's last word. RFC 5321, 4.5.3.2 has minutes; a code that comes late is of no use. */
  mailMs: 30_000 as number,
  /** Until a server that was away is asked once more: a code that comes later than that is of little use. */
  mailAgainMs: 5_000 as number,
  /** How often the owner is told of the same failure. */
  mailTroubleMs: 600_000 as number,
  /** How long a code by mail is good. NIST SP 800-63B-4, 3.1.3.2: ten minutes at most. */
  mailCodeMs: 600_000 as number,
  /** Guesses at one code, of eight digits. */
  mailCodeGuessesMax: 5 as number,
  /** Codes for one address in the window, asked for from everywhere: more is bombing. */
  mailsPerAddressMax: 10 as number,
  mailWindowMs: 3_600_000 as number,
  /** Codes in a minute, for all addresses of a gateway: each is a record in the store, and most are a letter. */
  mailsPerMinuteMax: 60 as number,

  // Files.
  configBytesMax: 1_048_576 as number,
  /** Certificates from files; each has a TLS context of some 50 KB once it was asked for. */
  certificatesMax: 1_000 as number,
  /** Client certificates: those that were made here, and holders of others that are remembered, of each authority. */
  clientCertificatesMax: 10_000 as number,
  /** Different sets of files that mtls is told of: each is looked at once a second. */
  clientAuthoritiesMax: 64 as number,
  /** A list of revoked certificates (CRL): some 100,000 entries. Public CAs stay below 1 MB. */
  revocationListBytesMax: 4_194_304 as number,
  logBytesMax: 67_108_864 as number,
  logFilesMax: 5 as number,
  logQueueBytesMax: 8_388_608 as number,
};

/** The defaults with some replaced: benches set named high ones, tests low ones. */
export function limitsWith(changes: Partial<Limits>): Limits {
  return Object.freeze({ ...defaults, ...changes });
}
