/** What the commands say to scripts: one object a line with `--json`. These words do not change. */

import type { AuditEvent } from '../core/audit/event.ts';
import type { Reach } from '../core/address.ts';
import type { AwaitedRelay, RelayStatus, ServiceStatus } from '../controlplane/config/running.ts';
import type { ClientCertificateEvent } from './client-certificate-words.ts';
import type { ClientEvent, UsageEvent } from './client-event.ts';
import type { FactorEvent } from './factor-event.ts';
import type { RelayEvent } from './relay-event.ts';

/** Who may come in, as it is shown to the owner. A link's URL holds its secret: it is shown once, by whoever made the link. */
export type AccessShown =
  | Readonly<{ kind: 'link'; url: string | null; expires: string | null }>
  | Readonly<{ kind: 'password'; users: readonly string[] | 'all' }>
  | Readonly<{ kind: 'key'; keys: readonly string[] | 'all' }>
  | Readonly<{ kind: 'ip'; allow: readonly string[] }>
  | Readonly<{ kind: 'webhook'; path: string; method: 'secret' | 'github' | 'stripe' | 'hmac'; url: string; secret: string | null }>
  | Readonly<{ kind: 'local' }>
  | Readonly<{ kind: 'public' }>
  | Readonly<{ kind: 'all'; of: readonly AccessShown[] }>
  | Readonly<{ kind: 'other'; guard: string }>;

/** Times are RFC 3339 in UTC; addresses HOST:PORT; fingerprints SHA-256 in hex. */
export type CliEvent =
  /** `plain`: plain HTTP, where there is some. `pid` is the process that serves; the one that was started may hold its sockets only. */
  | Readonly<{
      event: 'listening';
      addresses: readonly string[];
      plain?: readonly string[];
      /** Whose TLS ends at the relay, where their gateways agree: it reads everything of them. */
      terminates?: readonly string[];
      fingerprint: string;
      domain: string;
      pid: number;
    }>
  /** `visitors` are connected now; `until` is when those who still are will be cut. */
  | Readonly<{ event: 'leaving'; pid: number; why: 'stop' | 'upgrade'; visitors: number; until: string }>
  | Readonly<{ event: 'left'; pid: number; cut: number }>
  | Readonly<{ event: 'upgraded'; pid: number }>
  /** `onlyFor`: the one key that may spend it, where the name was another's lately. */
  | Readonly<{ event: 'invite'; name: string; code: string; expires: string; onlyFor: string | null }>
  | Readonly<{ event: 'joined'; relay: string; grants: readonly string[] }>
  /** By this machine; what the relay granted is not given back by it. */
  | Readonly<{ event: 'forgotten'; relay: string; grants: readonly string[] }>
  | RelayEvent
  /** `relay` HOST:PORT where there are several. */
  | Readonly<{ event: 'waiting'; service: string; code: string; why: string; hint: string | null; relay?: string }>
  | Readonly<{
      event: 'ready';
      service: string;
      url: string;
      /** Where it has several addresses, all that were reached. */
      urls?: readonly string[];
      reach: Reach;
      ca: string | null;
      fingerprint: string | null;
      access: readonly AccessShown[];
      expires: string | null;
      /** Where it reaches this machine only: how others reach it. At a raw port: who can read what passes. */
      hint: string | null;
      /** It is a proxy: with `--json` its address is said as `proxy`, and there is no `url`. */
      proxy?: true;
      /** At a port of the relay's own: the bytes, or datagrams, are passed on as they come. */
      raw?: true;
      /** Of several relays, those that it is not reached by. */
      waiting?: readonly AwaitedRelay[];
    }>
  /** `connect` listens here for programs of this machine. */
  | Readonly<{ event: 'connecting'; name: string; listen: string }>
  | Readonly<{ event: 'lost'; service: string; code: string; why: string }>
  /** One of several backends of a service is away, or back. */
  | Readonly<{ event: 'backend'; service: string; backend: string; state: 'up' | 'down'; code: string | null; why: string | null }>
  | Readonly<{ event: 'opened'; service: string }>
  | Readonly<{ event: 'closed'; service: string; why: string }>
  | Readonly<{ event: 'status'; pid: number; since: string; services: readonly ServiceStatus[]; relays: readonly RelayStatus[] }>
  /** `roles` where there are some, or they were changed; `expires` where they end. */
  | Readonly<{
      event: 'user';
      name: string;
      roles?: readonly string[];
      expires?: string;
      /** When they may come in; left out for always. */
      hours?: string;
      /** In lists, where there are some: how many recovery codes are left beside the codes of an authenticator; how many passkeys. */
      codes?: Readonly<{ recovery: number }>;
      passkeys?: number;
      change: 'added' | 'changed' | 'removed' | 'unlocked' | null;
    }>
  /** `source`: the address that opened it. `used`: when it was last, and from where. */
  | Readonly<{
      event: 'session';
      id: string;
      who: string;
      name: string;
      service: string;
      host: string;
      since: string;
      source: string;
      used: Readonly<{ at: string; from: string }>;
      expires: string;
      change: 'revoked' | null;
    }>
  /** `uses`, `path`, `from` and `browser` where it has such a bound; `browser` is `free` until one has opened it. */
  /** `address`: which one is let in, or a network. `web` and `host`: where it was opened. */
  | Readonly<{
      event: 'door';
      id: string;
      who: string;
      name: string;
      service: string;
      address: string;
      web: string;
      host: string;
      since: string;
      expires: string;
      change: 'closed' | null;
    }>
  | Readonly<{
      event: 'link';
      id: string;
      service: string;
      label: string | null;
      expires: string | null;
      uses?: Readonly<{ max: number; left: number }>;
      path?: string;
      from?: readonly string[];
      browser?: 'free' | 'taken';
      url: string | null;
      change: 'added' | 'revoked' | null;
    }>
  /** `key` once, when it was made or rotated here. `used`: when it was last, and from where. */
  | Readonly<{
      event: 'key';
      name: string;
      key: string | null;
      owner: string | null;
      roles: readonly string[];
      allow: readonly string[];
      expires: string | null;
      hours?: string;
      used: Readonly<{ at: string; from: string }> | null;
      change: 'added' | 'rotated' | 'revoked' | null;
    }>
  | FactorEvent
  | ClientEvent
  | UsageEvent
  | ClientCertificateEvent
  /** `code` once, when it was made here. */
  | Readonly<{ event: 'pin'; service: string; change: 'set' | 'removed' | null; code: string | null }>
  /** `value` once, when it was made here. */
  | Readonly<{ event: 'secret'; name: string; change: 'added' | 'removed' | null; value: string | null }>
  | Readonly<{ event: 'exchange'; record: AuditEvent }>
  | Readonly<{
      event: 'explain';
      url: string;
      from: string;
      as: string | null;
      service: string | null;
      verdict: 'admit' | 'ask' | 'refuse';
      code: string | null;
      rule: string | null;
      why: string;
      steps: readonly string[];
    }>
  /** Where a proxy would lead. `rule`: the entry or the guard that decided; null for what always holds. */
  | Readonly<{
      event: 'explain';
      proxy: string;
      destination: string;
      as: string | null;
      verdict: 'pass' | 'deny';
      code: string | null;
      why: string;
      rule: string | null;
    }>
  /** One line of `policy test`. */
  | Readonly<{
      event: 'policy';
      ok: boolean;
      url: string;
      method: string;
      from: string;
      as: string | null;
      want: string;
      verdict: 'admit' | 'ask' | 'refuse';
      code: string | null;
      rule: string | null;
      why: string;
    }>
  | Readonly<{ event: 'ca'; path: string; fingerprint: string; names: readonly string[]; expires: string }>
  | Readonly<{ event: 'backup'; change: 'written'; path: string; files: number; bytes: number }>
  /** `made`: when the backup was. `replaced`: where the state of before lies now. */
  | Readonly<{ event: 'backup'; change: 'restored'; path: string; files: number; made: string; replaced: string | null }>
  | Readonly<{ event: 'config'; path: string; services: readonly string[] }>
  | Readonly<{ event: 'reloaded'; path: string }>
  /** A process that was asked for it has done so. */
  | Readonly<{ event: 'process'; pid: number; change: 'reloaded' | 'stopped' }>
  /** A file of the service manager. `state` is what systemd says of it, null where it was not asked. */
  | Readonly<{ event: 'unit'; unit: string; path: string; change: 'written' | 'removed' | null; state: string | null }>
  /** A configuration of another program was read. `unlike`: lines of it that say something else here, or nothing. */
  | Readonly<{ event: 'imported'; from: string; path: string | null; services: readonly string[]; unlike: number }>
  | Readonly<{ event: 'version'; version: string; node: string }>
  /** Of a public authority. With `list` `change` is null; `next` is the next try after a failure, which `code` and `why` tell. */
  | Readonly<{
      event: 'certificate';
      name: string;
      change: 'ordered' | 'renewed' | null;
      expires: string | null;
      authority: string | null;
      code?: string | null;
      why?: string | null;
      next?: string | null;
    }>
  | Readonly<{ event: 'check'; check: string; state: 'ok' | 'warning' | 'failed'; why: string; hint: string | null }>
  | Readonly<{ event: 'warning'; code: string; message: string; hint: string | null }>
  | Readonly<{ event: 'error'; code: string; message: string; hint: string | null }>;

/** RFC 3339 in UTC, or null for never. */
export function instant(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
