/** The operator's events in words. Reasons and addresses are others' text: they go through `shown`. */

import { shown } from '../controlplane/records/words.ts';
import type { NameEvent, RelayEvent } from './relay-event.ts';

export function relayWords(event: RelayEvent): string {
  switch (event.event) {
    case 'gateway': {
      const live = event.live === null ? 'away' : `here from ${shown(event.live.from)}, ${count(event.live.streams, 'stream')}`;
      const stands = event.live?.standsBy === undefined ? '' : `, stands by for ${event.live.standsBy.map(shown).join(' ')}`;
      const blocked = event.blocked === null ? '' : `, blocked: ${shown(event.blocked)}`;
      return `${event.fingerprint}  ${event.names.join(', ')}  (${live}${stands}${blocked})`;
    }
    case 'name':
      return nameWords(event);
    case 'block':
      if (event.change === 'removed') return `${event.what} is not blocked any more.`;
      return `${event.change === null ? '' : 'Blocked: '}${event.kind} ${event.what}  ${shown(event.why ?? '')}`;
    case 'rotation':
      return [
        `The ${event.of}’s key: ${event.fingerprint}`,
        ...(event.next === null
          ? []
          : [`The next one, announced: ${event.next}`, 'When all have been here: sallyport relay rotate-key --use']),
        ...event.missed.map((each) => (event.of === 'relay' ? `Away now: ${each}` : `Could not be told, join again: ${shown(each)}`)),
      ].join('\n');
    case 'relay':
      return [
        `Relay for ${event.domain} on ${event.addresses.join(' and ')}: process ${event.pid}, since ${event.since.slice(0, 16)}Z`,
        ...event.gateways.map(
          ({ fingerprint, from, names, streams }) =>
            `  ${fingerprint.slice(0, 16)}…  ${shown(from)}  ${count(streams, 'stream')}  ${names.map(shown).join(', ')}`,
        ),
        ...(event.gateways.length === 0 ? ['  No gateway is here.'] : []),
        ...(event.terminates === undefined
          ? []
          : [`  TLS ends here, and everything is read, of: ${event.terminates.map(shown).join(', ')}`]),
      ].join('\n');
    default:
      return event satisfies never;
  }
}

function nameWords(event: NameEvent): string {
  if (event.change === 'transferred') return `${event.name} belongs to ${event.owner ?? 'nobody'} now.`;
  if (event.change === 'released') return `${event.name} is held by nobody now.`;
  const facts = [
    event.owner === null ? 'unreadable: belongs to nobody that is known' : event.owner,
    ...(event.since === null ? [] : [`since ${event.since.slice(0, 10)}`]),
    ...(event.held === null ? [] : [event.held ? 'held now' : 'not held now']),
    ...(event.released === null ? [] : [`released ${event.released.slice(0, 10)}, kept for that key for 90 days`]),
    ...(event.expires === null ? [] : [`ends ${event.expires}`]),
    ...(event.names === null ? [] : [`names ${event.names.join(' ')}`]),
    ...(event.ports === null ? [] : [`ports ${event.ports}`]),
    ...(event.maxStreams === null ? [] : [count(event.maxStreams, 'stream')]),
    ...(event.bytesPerSecond === null ? [] : [`${event.bytesPerSecond} bytes/s`]),
    ...(event.visitors === undefined ? [] : [visitorWords(event.visitors)]),
    ...(event.shared === undefined ? [] : [sharedWords(event.shared)]),
    ...(event.proof === undefined ? [] : [proofWords(event.proof)]),
    ...(event.blocked === null ? [] : [`blocked: ${shown(event.blocked)}`]),
  ];
  return `${event.name}  ${facts.join(', ')}`;
}

function visitorWords({ most, today, refused }: NonNullable<NameEvent['visitors']>): string {
  if (today === null) return `${count(most, 'visitor')} a day`;
  return `${today} of ${count(most, 'visitor')} today${refused === null || refused === 0 ? '' : `, ${refused} turned away`}`;
}

function proofWords({ at, failing }: NonNullable<NameEvent['proof']>): string {
  const since = failing === null ? '' : `, its record not found since ${failing.slice(0, 16)}Z`;
  return `proved by its DNS ${at.slice(0, 16)}Z${since}`;
}

function sharedWords({ how, keys, serves }: NonNullable<NameEvent['shared']>): string {
  const now = serves === null ? '' : `, ${serves.length === 0 ? 'none serves now' : `served by ${serves.map(short).join(' ')}`}`;
  return `${how === 'standby' ? 'standby' : 'spread'} of ${keys.map(short).join(' ')}${now}`;
}

function short(fingerprint: string): string {
  return `${fingerprint.slice(0, 16)}…`;
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}
