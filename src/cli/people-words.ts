/** Users, sessions and what is decided about them in words: a line each. */

import { shown } from '../controlplane/records/words.ts';
import type { CliEvent } from './event.ts';
import { localTime } from './local-time.ts';
import type { Terminal } from './terminal.ts';

type Event<Name extends CliEvent['event']> = Extract<CliEvent, { event: Name }>;

export function userWords({ name, roles, expires, change }: Event<'user'>): string {
  const may = roles === undefined ? '' : roles.length === 0 ? 'no roles' : roles.join(', ');
  const until = expires === undefined ? '' : `until ${localTime(expires)}`;
  const more = [may, until].filter((text) => text !== '');
  if (change === null) return [name, ...more].join('  ');
  return `${name} was ${change}${more.length === 0 ? '' : ` (${more.join('; ')})`}.`;
}

export function sessionWords({ id, name, service, host, since, source, used, expires, change }: Event<'session'>): string {
  if (change === 'revoked') return `The session ${id} of ${shown(name)} is over.`;
  const last = used.at === since ? 'not used since' : `used ${localTime(used.at)} from ${used.from}`;
  return `${id}  ${shown(name)}  ${shown(service)} at ${shown(host)}  since ${localTime(since)} from ${source}  ${last}  until ${localTime(expires)}`;
}

export function policyWords({ ok, url, method, from, as, want, verdict, code, why }: Event<'policy'>, { paint }: Terminal): string {
  const asked = `${method} ${shown(url)} from ${from}${as === null ? '' : ` as ${shown(as)}`}: ${want}`;
  if (ok) return `${paint('green', 'yes')}  ${asked}`;
  return `${paint('red', 'no ')}  ${asked}, but it is ${verdict}${code === null ? '' : ` (${code})`}: ${shown(why)}`;
}
