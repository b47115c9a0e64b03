/** Services that do not speak HTTP: what can stand before them, and which connection is for whom. */

import { SallyportError } from '../../core/errors.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { isAtPort } from '../../core/port-name.ts';
import type { Access, Behind, Config, ServicePlan } from './plan.ts';
import type { Warning, Ways } from './presets.ts';

/** The guards that can judge such a service; null where every guard can. */
export const possibleGuards: Readonly<Record<Behind['is'], ReadonlySet<string> | null>> = {
  http: null,
  folder: null,
  redirect: null,
  respond: null,
  // Nothing is read of its visitors but the name that they ask for.
  tls: new Set(['public', 'ip', 'login']),
  // The head that asks for it has no body and one path.
  tcp: new Set(['public', 'ip', 'link', 'password']),
  // Nor is anything of theirs.
  port: new Set(['public', 'ip', 'login']),
  // A client has one field for all it can show, and an open proxy is everybody's.
  egress: new Set(['bearer', 'ip', 'key', 'mtls', 'password']),
};

/** The first guard of an access that cannot judge this kind of service, or null. */
export function impossibleGuard(access: Access, kind: Behind['is']): string | null {
  const possible = possibleGuards[kind];
  return possible === null ? null : (access.flat().find(({ guard }) => !possible.has(guard))?.guard ?? null);
}

/**
 * Holds a service that is passed on unread against the ways in.
 * @returns what its owner must know
 * Errors: `config-unsafe` where an address would be its only guard behind a relay, or where nobody said who may come in.
 */
export function unreadWarnings(plan: ServicePlan, ways: Ways): readonly Warning[] {
  if (plan.behind.is !== 'tls') return [];
  const { access, name } = plan;
  if (access === null || impossibleGuard(access, 'tls') !== null) {
    throw new SallyportError('config-unsafe', `services.${name}: nothing but an address can be asked of whoever comes to ${name}.`, {
      hint: 'Its TLS is passed on unread. Say access: [public], or access: [{ ip: [192.0.2.0/24] }] on an address of your own.',
    });
  }
  // Somebody who signed in elsewhere stands behind an address that `login` lets in.
  const byAddress = access.some((uses) => uses.some(({ guard }) => guard === 'ip') && !uses.some(({ guard }) => guard === 'login'));
  if (byAddress && ways.relay !== null) {
    throw new SallyportError(
      'config-unsafe',
      `services.${name}: behind a relay the address of a visitor is the relay's word, and ${name} has no other guard.`,
      {
        hint: 'Say access: [public], which lets in everybody who reaches it; or leave out relay: and listen on an address of your own.',
      },
    );
  }
  if (!access.some((uses) => uses.every(({ guard }) => guard === 'public'))) return [];
  return [
    {
      code: 'service-bare',
      message: `Anybody who reaches the address of ${name} reaches ${name} itself: its TLS is passed on unread.`,
      hint: `No password, link or firewall of Sallyport stands before it. Only what ${name} asks for itself keeps people out.`,
    },
  ];
}

/** Whether a connection is of the kind that a service takes: a request never reaches what is no HTTP, and the other way round. */
export function isFor(kind: Behind['is'], exchange: Exchange): boolean {
  const { http } = exchange;
  if (kind === 'port' || isAtPort(exchange)) return kind === 'port' && isAtPort(exchange);
  if (kind === 'egress') return false;
  if (kind === 'tls') return http === null;
  return http !== null && (kind === 'tcp' || http.upgrade !== 'sallyport-tcp');
}

/** Which names are passed on unread: null when none is. */
export function unreadNames(
  services: readonly Readonly<{ kind: Behind['is']; hosts: readonly string[] }>[],
): ((name: string | null) => boolean) | null {
  const unread = services.filter(({ kind }) => kind === 'tls');
  if (unread.length === 0) return null;
  // The one service of a gateway that answers to every name.
  if (unread.some(({ hosts }) => hosts.length === 0)) return () => true;
  const names = new Set(unread.flatMap(({ hosts }) => hosts));
  return (name) => name !== null && names.has(name);
}

/** Services whose connections may live for days, and whom a new configuration guards otherwise or leads elsewhere: they are judged anew. */
export function guardedOtherwise(before: Config, after: Config): ReadonlySet<string> {
  const old = new Map(before.services.map((plan) => [plan.name, wordsOf(plan)]));
  const changed = after.services.filter((plan) => {
    const lasting = plan.behind.is === 'tcp' || plan.behind.is === 'tls' || plan.behind.is === 'port' || plan.behind.is === 'egress';
    return lasting && (before.network !== after.network || before.local !== after.local || old.get(plan.name) !== wordsOf(plan));
  });
  return new Set(changed.map(({ name }) => name));
}

/** A list that changes leads nobody elsewhere: whoever is with a backend that was taken out ends there in their own time. */
function wordsOf({ behind, access }: ServicePlan): string {
  const list = 'members' in behind && behind.members !== undefined;
  return JSON.stringify([list ? behind.is : behind, access]);
}

/** Whether the doors of this configuration can bring a visitor with TLS. */
export function hasTlsDoor({ listen }: Pick<Config, 'listen'>): boolean {
  return listen.some(({ scheme }) => scheme === 'https');
}
