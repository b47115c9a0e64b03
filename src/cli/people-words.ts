/** Users, their sessions and credentials, and what is decided about them in words: a line each. */

import { shown } from '../controlplane/records/words.ts';
import type { CliEvent } from './event.ts';
import { localTime } from './local-time.ts';
import type { Terminal } from './terminal.ts';

type Event<Name extends CliEvent['event']> = Extract<CliEvent, { event: Name }>;

type People = Event<'user' | 'session' | 'door' | 'link' | 'key' | 'pin' | 'policy' | 'secret'>;

export function peopleWords(event: People, terminal: Terminal): string {
  switch (event.event) {
    case 'user':
      return userWords(event);
    case 'session':
      return sessionWords(event);
    case 'door':
      return doorWords(event);
    case 'link':
      return linkWords(event);
    case 'key':
      return keyWords(event);
    case 'pin':
      return pinWords(event);
    case 'policy':
      return policyWords(event, terminal);
    case 'secret':
      return secretWords(event);
    default:
      return event satisfies never;
  }
}

function userWords({ name, roles, expires, hours = '', codes, passkeys, change }: Event<'user'>): string {
  const may = roles === undefined ? '' : roles.length === 0 ? 'no roles' : roles.join(', ');
  const until = expires === undefined ? '' : `until ${localTime(expires)}`;
  const has = codes === undefined ? '' : `codes (${codes.recovery} for recovery)`;
  const keys = passkeys === undefined ? '' : `${passkeys} ${passkeys === 1 ? 'passkey' : 'passkeys'}`;
  const more = [may, until, hours, has, keys].filter((text) => text !== '');
  if (change === null) return [name, ...more].join('  ');
  return `${name} was ${change}${more.length === 0 ? '' : ` (${more.join('; ')})`}.`;
}

function sessionWords({ id, name, service, host, since, source, used, expires, change }: Event<'session'>): string {
  if (change === 'revoked') return `The session ${id} of ${shown(name)} is over.`;
  const last = used.at === since ? 'not used since' : `used ${localTime(used.at)} from ${used.from}`;
  return `${id}  ${shown(name)}  ${shown(service)} at ${shown(host)}  since ${localTime(since)} from ${source}  ${last}  until ${localTime(expires)}`;
}

function doorWords({ id, name, service, address, web, since, expires, change }: Event<'door'>): string {
  if (change === 'closed') return `${shown(service)} is closed for ${address} (${shown(name)}).`;
  return `${id}  ${shown(service)}  ${address}  ${shown(name)}  signed in at ${shown(web)} ${localTime(since)}  until ${localTime(expires)}`;
}

function policyWords({ ok, url, method, from, as, want, verdict, code, why }: Event<'policy'>, { paint }: Terminal): string {
  const asked = `${method} ${shown(url)} from ${from}${as === null ? '' : ` as ${shown(as)}`}: ${want}`;
  if (ok) return `${paint('green', 'yes')}  ${asked}`;
  return `${paint('red', 'no ')}  ${asked}, but it is ${verdict}${code === null ? '' : ` (${code})`}: ${shown(why)}`;
}

function secretWords({ name, change, value }: Event<'secret'>): string {
  if (change === null) return shown(name);
  return value === null ? `The secret ${shown(name)} was ${change}.` : `${value}\n(the secret ${shown(name)}; it is shown once)`;
}

function pinWords({ service, change, code }: Event<'pin'>): string {
  if (change === null) return shown(service);
  if (change === 'removed') return `The code of ${shown(service)} opens nothing any more.`;
  if (code === null) return `${shown(service)} has a new code.`;
  return `${code.slice(0, 4)} ${code.slice(4)}\n(the code of ${shown(service)}; it is shown once)`;
}

function keyWords(event: Event<'key'>): string {
  const until = event.expires === null ? 'does not end' : `until ${localTime(event.expires)}`;
  if (event.change === 'revoked') return `The key ${event.name} opens nothing any more.`;
  if (event.key !== null) return `${event.key}\n(key ${event.name}, ${until}; it is shown once)`;
  const more = [
    ...(event.owner === null ? [] : [`of ${event.owner}`]),
    ...(event.roles.length === 0 ? [] : [event.roles.join(', ')]),
    ...(event.allow.length === 0 ? [] : [`from ${event.allow.join(', ')}`]),
    ...(event.hours === undefined ? [] : [event.hours]),
    event.used === null ? 'never used' : `used ${localTime(event.used.at)} from ${event.used.from}`,
  ];
  return `${event.name}  ${until}  ${more.join('  ')}`;
}

function linkWords(event: Event<'link'>): string {
  const until = event.expires === null ? 'does not end' : `until ${localTime(event.expires)}`;
  const bounds = [until, ...linkBounds(event)];
  const label = event.label === null ? '' : `  ${shown(event.label)}`;
  if (event.change === 'revoked') return `The link ${event.id} opens nothing any more.`;
  if (event.url !== null) return `${event.url}\n(link ${event.id}, ${bounds.join(', ')}; it is shown once)`;
  return `${event.id}  ${event.service}  ${bounds.join('  ')}${label}`;
}

function linkBounds({ uses, path, from, browser }: Event<'link'>): readonly string[] {
  return [
    ...(uses === undefined ? [] : [uses.left === 0 ? 'used up' : `${uses.left} of ${uses.max} ${uses.max === 1 ? 'use' : 'uses'} left`]),
    ...(path === undefined ? [] : [`only ${shown(path)}`]),
    ...(from === undefined ? [] : [`from ${from.join(', ')}`]),
    ...(browser === undefined ? [] : [browser === 'free' ? 'for the first browser' : 'belongs to a browser']),
  ];
}
