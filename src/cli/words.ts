/** Events in words for people: every text of others goes through `shown`. */

import { recordWords, shown } from '../controlplane/records/words.ts';
import { durationWords } from '../controlplane/config/duration.ts';
import type { AccessShown, CliEvent } from './event.ts';
import { turnWords } from './backend-words.ts';
import { clientCertificateWords } from './client-certificate-words.ts';
import { clientWords, usageWords } from './client-words.ts';
import { factorWords } from './factor-words.ts';
import { fingerprintLines } from './fingerprint-words.ts';
import { localTime } from './local-time.ts';
import { peopleWords } from './people-words.ts';
import { relayWords } from './relay-words.ts';
import { statusWords } from './status-words.ts';
import { upkeepWords } from './upkeep-words.ts';
import { certificateWords } from './certificate-words.ts';
import type { Terminal } from './terminal.ts';

type Event<Name extends CliEvent['event']> = Extract<CliEvent, { event: Name }>;

/** One or several lines without the last newline; empty for what people need not see. */
export function eventWords(event: CliEvent, terminal: Terminal): string {
  const { paint } = terminal;
  switch (event.event) {
    case 'listening':
      return listeningWords(event);
    case 'leaving':
      return leavingWords(event);
    case 'left':
      return `The relay (process ${event.pid}) is gone${event.cut === 0 ? '' : `; it cut ${connections(event.cut)}`}.`;
    case 'upgraded':
      return `The new relay listens (process ${event.pid}); the old one lets what runs end.`;
    case 'invite':
      return inviteWords(event);
    case 'forgotten':
    case 'joined':
      return membershipWords(event);
    case 'gateway':
    case 'name':
    case 'block':
    case 'rotation':
    case 'relay':
      return relayWords(event);
    case 'ready':
      return readyWords(event, terminal);
    case 'connecting':
      return `${event.listen} leads to ${event.name}, until Ctrl-C.`;
    case 'waiting':
    case 'lost':
    case 'backend':
    case 'opened':
    case 'closed':
      return turnWords(event, terminal);
    case 'status':
      return statusWords(event, terminal);
    case 'exchange':
      return recordWords({ is: 'event', event: event.record });
    case 'explain':
      return explainWords(event, terminal);
    case 'ca':
    case 'backup':
    case 'config':
    case 'reloaded':
    case 'process':
    case 'unit':
    case 'imported':
    case 'version':
      return upkeepWords(event);
    case 'certificate':
    case 'check':
      return certificateWords(event, terminal);
    case 'warning':
      return `${paint('yellow', 'Warning:')} ${sentence(event)}`;
    case 'error':
      return `${paint('red', 'sallyport:')} ${sentence(event)}`;
    default:
      return whoWords(event, terminal);
  }
}

type Others =
  | Event<'user' | 'session' | 'door' | 'link' | 'key' | 'policy' | 'pin' | 'secret' | 'totp' | 'invitation' | 'passkey'>
  | Event<'client-certificate' | 'client' | 'usage'>;

/** Who may come in, and what they have. */
function whoWords(event: Others, terminal: Terminal): string {
  switch (event.event) {
    case 'user':
    case 'session':
    case 'door':
    case 'link':
    case 'key':
    case 'policy':
    case 'pin':
    case 'secret':
      return peopleWords(event, terminal);
    case 'totp':
    case 'invitation':
    case 'passkey':
      return factorWords(event, terminal);
    case 'client-certificate':
      return clientCertificateWords(event);
    case 'client':
      return clientWords(event);
    case 'usage':
      return usageWords(event);
    default:
      return event satisfies never;
  }
}

function explainWords(event: Event<'explain'>, { paint }: Terminal): string {
  if ('destination' in event) {
    const { proxy, destination, as, verdict, why, rule } = event;
    const by = rule === null ? '' : ` (${shown(rule)})`;
    return paint(
      'bold',
      `${verdict === 'pass' ? 'Led' : 'Denied'}: ${shown(destination)}${as === null ? '' : ` for ${shown(as)}`} by ${proxy}: ${shown(why)}${by}`,
    );
  }
  const verdict = { admit: 'Admitted', ask: 'Asked for a credential', refuse: 'Refused' }[event.verdict];
  return [...event.steps.map(shown), paint('bold', `${verdict}: ${shown(event.why)}`)].join('\n');
}

function inviteWords({ name, code, expires, onlyFor }: Event<'invite'>): string {
  const only = onlyFor === null ? '' : `Only the key that had it last may: ${onlyFor}\n`;
  return `For ${name}, once, until ${localTime(expires)}:\n${only}\n  sallyport join ${code}\n`;
}

function membershipWords({ event, relay, grants }: Event<'joined' | 'forgotten'>): string {
  if (event === 'joined') return `Joined ${relay}. Yours: ${grants.join(', ')}\nNow: sallyport http 3000`;
  return `${relay} is forgotten. It keeps ${grants.join(', ')} for this machine’s key until its operator releases that.`;
}

function leavingWords({ pid, why, visitors, until }: Event<'leaving'>): string {
  const running = visitors === 0 ? 'Nobody is connected' : `${connections(visitors)} may end until ${localTime(until)}`;
  return why === 'upgrade'
    ? `The relay before (process ${pid}) takes nobody any more. ${running}.`
    : `The relay takes nobody any more. ${running}.${visitors === 0 ? '' : ' Ctrl-C again ends it at once.'}`;
}

function connections(count: number): string {
  return count === 1 ? 'one connection' : `${count} connections`;
}

function sentence({ message, hint }: Readonly<{ message: string; hint: string | null }>): string {
  return hint === null ? shown(message) : `${shown(message)}\n  ${shown(hint)}`;
}

function readyWords(event: Event<'ready'>, terminal: Terminal): string {
  const lines = [
    `${event.service} is open at ${terminal.paint('bold', event.url)}`,
    ...event.access.flatMap((access) => accessLines(access).map((line) => `  ${line}`)),
    `  Reach: ${reachWords(event)}`,
    ...rawLines(event).map((line) => `  Raw: ${line}`),
    ...(event.expires === null
      ? []
      : [`  Closes in ${durationWords(Date.parse(event.expires) - terminal.now())}, at ${localTime(event.expires)}`]),
    ...fingerprintLines(event).map((line) => `  Certificate: ${line}`),
    ...reachingLines(event).map((line) => `  ${line}`),
    ...otherRelays(event).map((line) => `  ${line}`),
  ];
  return lines.join('\n');
}

/** What a visitor types, in one line: what is copied runs. */
export function reachingLines({ url, ca, raw }: Pick<Event<'ready'>, 'url' | 'ca' | 'raw'>): readonly string[] {
  if (raw === true) return [];
  if (url.startsWith('tcp:')) return [`sallyport connect ${url.slice('tcp://'.length)}${ca === null ? '' : ` --ca ${ca}`}`];
  return ca === null ? [] : [`curl --cacert ${ca} ${url}`];
}

/** Of several relays: the other addresses, and where it is not reached. */
export function otherRelays({ urls = [], waiting = [] }: Pick<Event<'ready'>, 'urls' | 'waiting'>): readonly string[] {
  return [...urls.slice(1).map((url) => `Also at ${url}`), ...waiting.map(({ relay, why }) => `Not by ${relay} yet: ${shown(why)}`)];
}

/** Who can read what passes a raw port; nothing for any other address. */
export function rawLines({ raw, hint }: Pick<Event<'ready'>, 'raw' | 'hint'>): readonly string[] {
  return raw === true && hint !== null ? [hint] : [];
}

/** How far an address goes, honestly. */
export function reachWords({ reach, hint, raw }: Pick<Event<'ready'>, 'reach' | 'hint' | 'raw'>): string {
  switch (reach) {
    case 'machine':
      return `this machine only${hint === null || raw === true ? '' : `; ${hint}`}`;
    case 'network':
      return raw === true ? 'this network' : 'this network; browsers warn, since no public authority signed its certificate';
    case 'internet':
      return 'the Internet';
    default:
      return reach satisfies never;
  }
}

/** What the configuration says of the rest stands in the file. */
const otherWays: ReadonlyMap<string, string> = new Map([
  ['totp', 'Whoever has codes of an authenticator (sallyport users totp NAME)'],
  ['passkey', 'Whoever has a passkey (sallyport users passkey NAME)'],
  ['pin', 'Whoever knows its code (sallyport pins set SERVICE)'],
  ['email', 'Whoever is sent a code by mail'],
  ['mtls', 'Whoever shows a client certificate (sallyport clients certificates list)'],
  ['login', 'Addresses from which somebody signed in and opened it (sallyport doors list)'],
  ['forward-auth', 'Whom your own verifier lets in'],
]);

/** Who may come in, a line for each way. */
export function accessLines(access: AccessShown): readonly string[] {
  switch (access.kind) {
    case 'link':
      return access.url === null
        ? ['Whoever has a secret link (sallyport links add SERVICE)']
        : [`Whoever opens ${access.url}${access.expires === null ? '' : ` (until ${localTime(access.expires)})`}`];
    case 'password':
      return [access.users === 'all' ? 'Any user with their password' : `${access.users.join(' or ')}, with a password`];
    case 'key':
      return [access.keys === 'all' ? 'Any program with an API key' : `Programs with the API key ${access.keys.join(' or ')}`];
    case 'ip':
      return [`Whoever comes from ${access.allow.join(', ')}`];
    case 'webhook':
      return access.secret === null
        ? [`POST to ${access.url}`]
        : [`POST to ${access.url} with a ${access.method} signature`, `  The secret to sign with, shown once: ${access.secret}`];
    case 'local':
      return ['Anyone on this machine'];
    case 'public':
      return ['Everyone: it is public'];
    case 'all':
      return [access.of.flatMap(accessLines).map(withinSentence).join(', and ')];
    case 'other':
      return [otherWays.get(access.guard) ?? `By ${access.guard}`];
    default:
      return access satisfies never;
  }
}

/** A small letter, where it is not the first and begins no word in capitals. */
function withinSentence(text: string, at: number): string {
  return at > 0 && /^[A-Z][a-z]/.test(text) ? `${text.slice(0, 1).toLowerCase()}${text.slice(1)}` : text;
}

/** The file of a relay has no services. */
function listeningWords({
  addresses,
  plain = [],
  terminates = [],
  domain,
  fingerprint,
}: Extract<CliEvent, { event: 'listening' }>): string {
  const redirects = plain.length === 0 ? '' : `\nPlain HTTP on ${plain.join(' and ')} only sends visitors to HTTPS.`;
  const reads =
    terminates.length === 0
      ? ''
      : `\nTLS of ${terminates.join(', ')} ends here where their gateways agree: this relay reads everything of them.`;
  return `The relay listens on ${addresses.join(' and ')} for ${domain}.${redirects}${reads}\nIts key: ${fingerprint}`;
}
