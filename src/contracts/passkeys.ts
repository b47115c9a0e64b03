/** Passkeys of users (WebAuthn Level 3), and the invitations by which they are made. */

/** All but the public key is for people; none of it is a secret. */
export type Passkey = Readonly<{
  /** Public id for lists: hex. */
  id: string;
  /** The credential's own id, base64url. */
  credential: string;
  user: string;
  /** The relying party's id: the host that it was made at, and works at alone. */
  host: string;
  /** COSE key, base64url. */
  publicKey: string;
  /** What the authenticator counted to. 0 for one that does not count. */
  counter: number;
  /** The number of the user at this host, base64url: it says nothing of who they are (WebAuthn, 14.6.1). */
  handle: string;
  /** How the browser reaches it: `internal`, `usb`, `hybrid`. */
  transports: readonly string[];
  label: string | null;
  /** Whether it is copied between devices. */
  synced: boolean;
  createdAt: number;
  usedAt: number | null;
}>;

export type Invitation = Readonly<{ user: string; service: string; label: string | null; expires: number }>;

export interface Passkeys {
  /** Synchronous; null when unknown, or when its user is gone. */
  byCredential(credential: string): Passkey | null;
  /** Synchronous: whether a user has one, wherever. */
  has(user: string): boolean;
  /** Those of a user, at one host or at all. */
  of(user: string, host?: string): readonly Passkey[];
  /** Synchronous: whom a secret invites to make a passkey at a service; null when it was used, has ended or is another service's. */
  invited(secret: string, service: string): Invitation | null;
  /**
   * Uses the invitation up and keeps the passkey. False when somebody was faster: then nothing is kept.
   * Errors: `usage-wrong` when the user has too many, `store-unavailable`.
   */
  accept(secret: string, service: string, passkey: Omit<Passkey, 'id' | 'createdAt' | 'usedAt' | 'label' | 'user'>): Promise<boolean>;
  /** It was used, and counts to `counter` now. False when it was used elsewhere at the same time. Errors: `store-unavailable`. */
  used(passkey: Passkey, counter: number): Promise<boolean>;
}
