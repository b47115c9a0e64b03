/** Every way in which something can fail, by a code that never changes. */

/**
 * The table of codes: what a visitor is answered (`status`, null where no HTTP answer is due)
 * and what the program exits with when the code ends it (`exit`, null where it never does).
 * Each code has a paragraph in docs/errors.md; test/tidy.test.ts holds both lists together.
 */
export const codes = {
  // Reading: a stranger's (or a service's) bytes that have no single reading.
  'head-too-large': { status: 431, exit: null },
  'head-malformed': { status: 400, exit: null },
  'field-malformed': { status: 400, exit: null },
  'fields-too-many': { status: 431, exit: null },
  'target-malformed': { status: 400, exit: null },
  'target-too-long': { status: 414, exit: null },
  'method-refused': { status: 501, exit: null },
  'version-refused': { status: 505, exit: null },
  'host-malformed': { status: 400, exit: null },
  'host-mismatched': { status: 400, exit: null },
  'framing-ambiguous': { status: 400, exit: null },
  'body-malformed': { status: 400, exit: null },
  'body-too-large': { status: 413, exit: null },
  'expectation-refused': { status: 417, exit: null },
  'upgrade-refused': { status: 400, exit: null },
  'head-timed-out': { status: 408, exit: null },
  'body-timed-out': { status: 408, exit: null },
  'message-incomplete': { status: 400, exit: null },
  'response-malformed': { status: 502, exit: null },
  'hello-malformed': { status: null, exit: null },
  'preamble-malformed': { status: null, exit: null },
  'hello-timed-out': { status: null, exit: null },

  // Deciding: who may not, and why. A stranger sees one face for all of them.
  'route-missing': { status: 404, exit: null },
  'host-misdirected': { status: 421, exit: null },
  'service-closed': { status: 404, exit: null },
  'service-expired': { status: 404, exit: null },
  'credentials-missing': { status: 401, exit: null },
  'credentials-wrong': { status: 401, exit: null },
  'credentials-expired': { status: 401, exit: null },
  'credentials-throttled': { status: 429, exit: null },
  'origin-foreign': { status: 403, exit: null },
  'address-denied': { status: 403, exit: null },
  'path-denied': { status: 403, exit: null },
  'method-denied': { status: 405, exit: null },
  'request-denied': { status: 403, exit: null },
  'response-denied': { status: 403, exit: null },
  'rule-denied': { status: 403, exit: null },
  'request-ambiguous': { status: 400, exit: null },
  'service-paused': { status: 503, exit: null },
  'signature-wrong': { status: 401, exit: null },
  'mail-undelivered': { status: null, exit: null },
  'issuer-unreachable': { status: 503, exit: null },
  'verifier-unreachable': { status: 503, exit: null },
  'verifier-failed': { status: 502, exit: null },
  'revocation-unknown': { status: 503, exit: null },
  'guard-failed': { status: 403, exit: null },
  'connections-exceeded': { status: 503, exit: null },
  'requests-exceeded': { status: 429, exit: null },
  'doors-exceeded': { status: 429, exit: null },

  // A proxy: where it does not lead.
  'destination-denied': { status: 403, exit: null },
  'destination-missing': { status: 400, exit: null },
  'client-suspended': { status: 403, exit: null },
  'client-inactive': { status: 403, exit: null },
  'client-unknown': { status: 403, exit: null },
  'tunnels-exceeded': { status: 429, exit: null },
  'quota-exceeded': { status: 429, exit: null },
  'destination-unresolved': { status: 502, exit: null },
  'destination-mismatched': { status: null, exit: null },
  'resolver-timed-out': { status: 504, exit: null },
  'tunnel-expired': { status: null, exit: null },

  // Opening and moving: the world's faults.
  'upstream-refused': { status: 502, exit: null },
  'upstream-unreachable': { status: 502, exit: null },
  'upstream-untrusted': { status: 502, exit: null },
  'upstream-timed-out': { status: 504, exit: null },
  'upstream-broken': { status: 502, exit: null },
  'visitor-gone': { status: null, exit: null },
  'stream-idle': { status: null, exit: null },
  'exchange-cut': { status: null, exit: null },
  'file-missing': { status: 404, exit: 66 },
  'program-failed': { status: 500, exit: 70 },

  // The tunnel.
  'frame-malformed': { status: null, exit: null },
  'frame-too-long': { status: null, exit: null },
  'frames-exceeded': { status: null, exit: null },
  'window-exceeded': { status: null, exit: null },
  'stream-unknown': { status: null, exit: null },
  'streams-exceeded': { status: null, exit: null },
  'carrier-idle': { status: null, exit: null },
  'carrier-broken': { status: null, exit: null },
  'name-unknown': { status: null, exit: null },
  'gateway-away': { status: 503, exit: null },
  'relay-unagreed': { status: 404, exit: null },
  'relay-overloaded': { status: 503, exit: null },

  // What the user of the command meets. The exits follow sysexits(3) where one fits.
  'usage-wrong': { status: null, exit: 64 },
  'port-malformed': { status: null, exit: 64 },
  'config-malformed': { status: null, exit: 78 },
  'config-unsafe': { status: null, exit: 78 },
  'config-missing': { status: null, exit: 66 },
  'home-exposed': { status: null, exit: 77 },
  'home-occupied': { status: null, exit: 73 },
  'policy-unmet': { status: null, exit: 65 },
  'backup-malformed': { status: null, exit: 65 },
  'home-unwritable': { status: null, exit: 73 },
  'disk-full': { status: 503, exit: 73 },
  'address-in-use': { status: null, exit: 69 },
  'address-unavailable': { status: null, exit: 69 },
  'permission-missing': { status: null, exit: 77 },
  'root-refused': { status: null, exit: 77 },
  'root-kept': { status: null, exit: null },
  'socket-unused': { status: null, exit: null },
  'name-taken': { status: null, exit: 69 },
  'name-malformed': { status: null, exit: 64 },
  'name-refused': { status: null, exit: 77 },
  'name-reserved': { status: null, exit: 77 },
  'name-unproved': { status: null, exit: 77 },
  'name-standby': { status: null, exit: null },
  'store-unshared': { status: null, exit: 77 },
  'visitors-exceeded': { status: null, exit: null },
  'relay-unreachable': { status: null, exit: 69 },
  'relay-untrusted': { status: null, exit: 76 },
  'relay-refused': { status: null, exit: 77 },
  'relay-blocked': { status: null, exit: 77 },
  'proxy-unreachable': { status: null, exit: 69 },
  'proxy-refused': { status: null, exit: 77 },
  'invite-malformed': { status: null, exit: 64 },
  'invite-refused': { status: null, exit: 77 },
  'user-missing': { status: null, exit: 67 },
  'user-taken': { status: null, exit: 64 },
  'password-weak': { status: null, exit: 64 },
  'secret-missing': { status: null, exit: 67 },
  'pin-missing': { status: null, exit: 67 },
  'link-missing': { status: null, exit: 67 },
  'session-missing': { status: null, exit: 67 },
  'door-missing': { status: null, exit: 67 },
  'key-missing': { status: null, exit: 67 },
  'certificate-missing': { status: null, exit: 67 },
  'key-taken': { status: null, exit: 64 },
  'client-missing': { status: null, exit: 67 },
  'client-taken': { status: null, exit: 64 },
  'gateway-missing': { status: null, exit: 67 },
  'service-missing': { status: null, exit: 67 },
  'process-missing': { status: null, exit: 69 },
  'successor-failed': { status: null, exit: 69 },
  'record-conflicted': { status: null, exit: 75 },
  'store-unavailable': { status: 503, exit: 74 },
  'address-unreachable': { status: null, exit: 69 },
  'certificate-untrusted': { status: null, exit: 76 },
  'certificate-unusable': { status: null, exit: 78 },
  'connection-refused': { status: null, exit: 77 },
  'self-check-failed': { status: null, exit: 76 },
  'authority-unreachable': { status: null, exit: 69 },
  'authority-malformed': { status: null, exit: 76 },
  'certificate-refused': { status: null, exit: 77 },
  'terms-unaccepted': { status: null, exit: 78 },
  'hook-failed': { status: null, exit: 69 },
  'certificate-foreign': { status: null, exit: 76 },
  interrupted: { status: null, exit: 130 },
} as const satisfies Record<string, { readonly status: number | null; readonly exit: number | null }>;

/** One of the codes above: `noun-participle`, never renamed. */
export type Code = keyof typeof codes;

/** A stranger's fault, as a value: refused, recorded, never thrown. `why` holds no secret and no raw bytes. */
export type Fault = Readonly<{ code: Code; why: string }>;

/** Makes a fault. */
export function fault(code: Code, why: string): Fault {
  return { code, why };
}

/**
 * The world's fault or the user's: thrown with a code, one sentence that says what is wrong
 * (`message`) and one that says the way out (`hint`). Neither holds a secret.
 */
export class SallyportError extends Error {
  readonly code: Code;
  readonly hint: string | null;

  constructor(code: Code, message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SallyportError';
    this.code = code;
    this.hint = options.hint ?? null;
  }
}
