/** Doors for addresses: who signed in on a web page, and from where a service that reads nothing lets them in. */

/** What the service says of its doors. */
export type DoorTerms = Readonly<{
  /** The service on whose page visitors sign in. */
  web: string;
  /** How long an address is let in, milliseconds. */
  forMs: number;
  /** So many leading bits of an IPv6 address are let in: 128 for the address alone. */
  prefix6: number;
  /** Whether what runs ends with the door's time as well. */
  cuts: boolean;
  /** Whom of those who can sign in it is for; both null for everybody. */
  users: readonly string[] | null;
  roles: readonly string[] | null;
}>;

export type AddressDoor = Readonly<{
  /** Public id for lists. */
  id: string;
  /** What it leads to, and the service and the host that it was opened at. */
  service: string;
  web: string;
  host: string;
  /** `192.0.2.7/32`: canonical, v4-mapped folded. */
  network: string;
  subject: string;
  name: string;
  /** The guard that said who it is. */
  guard: string;
  /** Of keys and of others who are no user; those of a user are looked up. */
  roles: readonly string[];
  /** The session that it was opened with, or null (Basic, a key): it ends with it. */
  session: string | null;
  /** The user's when it was opened, 0 where no user stands behind it: a new password ends it. */
  revision: number;
  createdAt: number;
  /** Milliseconds since 1970. */
  expires: number;
  /** Whether what runs ends then. */
  cuts: boolean;
}>;

/** Whether somebody is among those that the terms are for: asked with every look, so that a role that was taken away holds. */
export type Admits = (who: Readonly<{ subject: string; roles: readonly string[] }>) => boolean;

export type Opening = Pick<AddressDoor, 'service' | 'web' | 'host' | 'network' | 'subject' | 'name' | 'guard' | 'roles' | 'session'> &
  Readonly<{ forMs: number; cuts: boolean }>;

export interface AddressDoors {
  /** Synchronous: null when none of that service is open for the network, by anybody whose credential still stands. */
  find(service: string, network: string, admits: Admits): AddressDoor | null;
  /** Those that stand, the newest first. */
  list(): readonly AddressDoor[];
  /**
   * Opens it, or holds it open from now on where the same person had opened it.
   * Errors: `doors-exceeded`, `credentials-expired` (who opens it has no standing any more), `store-unavailable`.
   */
  open(wanted: Opening): Promise<AddressDoor>;
  /** False when there was none. */
  close(id: string): Promise<boolean>;
  /** Closes all of a subject (`key:ci`, `link:k3f9`); returns how many. */
  closeSubject(subject: string): Promise<number>;
  /** Told of each door by which nothing may run any more: it was closed, or its time has come and it cuts. */
  watch(ended: (id: string) => void): { close(): void };
}
