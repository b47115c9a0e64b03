/** Clients of a proxy in words. */

import { byteWords } from '../core/byte-words.ts';
import { durationWords } from '../controlplane/config/duration.ts';
import { shown } from '../controlplane/records/words.ts';
import type { ClientEvent, UsageEvent } from './client-event.ts';
import { localTime } from './local-time.ts';

export function clientWords(event: ClientEvent): string {
  const { name, change, key, why, state } = event;
  switch (change) {
    case 'added':
      return key === null ? `The client ${name} was added.` : `${key}\n(the key of the client ${name}; it is shown once)`;
    case 'rotated':
      return `${key ?? ''}\n(the new key of the client ${name}; it is shown once)`;
    case 'suspended':
      return `${name} is suspended, and what it ran has ended.`;
    case 'resumed':
      return `${name} may come in again.`;
    case 'removed':
      return `${name} is no client any more; its keys, and those of its certificates that were made here, open nothing.`;
    case 'changed':
    case 'shown':
      return whole(event);
    case null:
      return [
        name,
        state === 'active' ? 'active' : `suspended${why === null ? '' : `: ${shown(why)}`}`,
        shown(event.contact),
        limitWords(event),
      ]
        .filter((text) => text !== '')
        .join('  ');
    default:
      return change satisfies never;
  }
}

function whole(event: ClientEvent): string {
  const { name, contact, state, why, members, roles, allow, accepted, since } = event;
  const lines: readonly (readonly [string, string])[] = [
    ['contact', shown(contact)],
    ['state', `${state}${why === null ? '' : `: ${shown(why)}`}`],
    ['is', members.join(', ')],
    ['roles', roles.join(', ')],
    ['from', allow.join(', ')],
    ['limits', limitWords(event)],
    ['terms', accepted === null ? 'none accepted' : `${shown(accepted.version)}, accepted by ${accepted.by} on ${localTime(accepted.at)}`],
    ['since', localTime(since)],
  ];
  return [name, ...lines.filter(([, text]) => text !== '').map(([title, text]) => `  ${title.padEnd(8)}  ${text}`)].join('\n');
}

/** Empty where there are none. */
function limitWords({ limits }: ClientEvent): string {
  const { requestsPerSecond, connections, tunnels, bytesPerSecond, bytesPerDay, bytesPerMonth, tunnelIdleMs, tunnelLifeMs, weight } =
    limits;
  return [
    requestsPerSecond === null ? '' : `${requestsPerSecond} requests/s`,
    connections === null ? '' : `${connections} at once`,
    tunnels === null ? '' : `${tunnels} tunnels`,
    bytesPerSecond === null ? '' : `${byteWords(bytesPerSecond)}/s`,
    bytesPerDay === null ? '' : `${byteWords(bytesPerDay)} a day`,
    bytesPerMonth === null ? '' : `${byteWords(bytesPerMonth)} a month`,
    tunnelIdleMs === null ? '' : `quiet for ${durationWords(tunnelIdleMs)}`,
    tunnelLifeMs === null ? '' : `tunnels of ${durationWords(tunnelLifeMs)}`,
    weight === 1 ? '' : `weight ${weight}`,
  ]
    .filter((text) => text !== '')
    .join(', ');
}

export function usageWords(event: UsageEvent): string {
  const { client, from, to, destination, requests, bytesIn, bytesOut, refusals, errors, connectP95Ms } = event;
  const span = from === to ? from : `${from} to ${to}`;
  const name = destination === null ? `${client}, ${span}:` : `  ${shown(destination)}`;
  return [
    name,
    `${requests} ${requests === 1 ? 'request' : 'requests'}`,
    `${byteWords(bytesOut)} to the client, ${byteWords(bytesIn)} from it`,
    ...(refusals === 0 ? [] : [`${refusals} refused`]),
    ...(errors === 0 ? [] : [`${errors} failed`]),
    ...(connectP95Ms === null ? [] : [`95 of 100 connected in ${connectP95Ms} ms`]),
  ].join('  ');
}
