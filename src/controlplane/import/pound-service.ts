/** One service of Pound as one route of ours, with a comment for each line that says something else here, or nothing. */

import { isIPv6 } from 'node:net';
import { readBehind } from '../config/forms.ts';
import { redirectTemplate } from '../../core/http/redirect-template.ts';
import { conditionsOf, isCondition, joined, type Lists, type MatchObject } from './pound-match.ts';
import { reasonFor } from './pound-reasons.ts';
import { rewriteOf, rewritten, type Tell } from './pound-rewrite.ts';
import type { Directive } from './pound-text.ts';

/** A line, and what is to be said of it. */
export type Unlike = Readonly<{ line: number; text: string; why: string }>;

export type ImportedRoute = Readonly<{
  line: number;
  name: string | null;
  /** Exact names, where these are all that it asks of the name; null where there is another condition of it, or none. */
  hosts: readonly string[] | null;
  match: MatchObject | null;
  /** The match without its names, for a service that has them in `at`. */
  beside: MatchObject | null;
  /** `to`, or `dir`. */
  target: Readonly<Record<string, unknown>> | null;
  rewrite: Readonly<Record<string, unknown>> | null;
  balance: Readonly<Record<string, unknown>> | null;
  timeouts: Readonly<Record<string, unknown>> | null;
  unlike: readonly Unlike[];
  /** It was switched off: it takes nothing. */
  off: boolean;
  /** Why it refuses everything that it may have taken: what stood behind it must not take it instead. */
  shut: string | null;
}>;

export type Said = Readonly<{ lists: Lists; backends: ReadonlyMap<string, Directive>; every: string | null; answer: string | null }>;

/** What is read by its own function, and needs no word. */
const taken: ReadonlySet<string> = new Set([
  'backend',
  'emergency',
  'usebackend',
  'use',
  'redirect',
  'error',
  'success',
  'sendfile',
  'session',
  'disabled',
  'metrics',
]);

export function importService(service: Directive, said: Said): ImportedRoute {
  const body = withOwnPattern(service);
  const unlike: Unlike[] = [];
  const tell = ({ line, text }: Directive, why: string): void => void unlike.push({ line, text, why });
  const { matches, narrower, impossible } = conditionsOf(body.filter(isCondition), said.lists);
  for (const each of narrower) tell(each, 'only this name, exactly; the pattern took more');
  for (const each of impossible)
    tell(each, reasonFor(each.key) === 'there is no counterpart' ? 'this condition cannot be said here' : reasonFor(each.key));
  const rewrite = rewriteOf(body, tell);
  for (const each of body) if (!isCondition(each) && !taken.has(each.key) && !rewritten.has(each.key)) tell(each, reasonFor(each.key));
  const target = targetOf(body, said, tell);
  const hosts = matches.flatMap((each) => ('host' in each && typeof each['host'] === 'string' ? [each['host']] : []));
  const isNamed = hosts.length === 1 && !hosts[0]?.startsWith('*');
  // A refusal for less than it was for would let in more.
  const isTooNarrow = narrower.length > 0 && typeof target?.['to'] === 'string' && target['to'].startsWith('respond:');
  const isShut = impossible.length > 0 || isTooNarrow || target === null;
  const off = body.some(({ key, words }) => key === 'disabled' && /^(?:1|yes|true|on)$/i.test(words[0] ?? 'yes'));
  return {
    line: service.line,
    name: service.key === 'urlgroup' ? null : (service.words[0] ?? null),
    hosts: isNamed ? hosts : null,
    match: joined(matches),
    beside: joined(matches.filter((each) => !('host' in each))),
    target,
    rewrite: isShut ? null : rewrite,
    balance: balanceOf(body, said, tell),
    timeouts: timeoutsOf(body, said),
    unlike,
    off,
    shut:
      impossible.length > 0 || isTooNarrow
        ? 'a condition of it cannot be said here: whatever it may have taken is refused until you say who gets there'
        : target === null
          ? 'there is nothing behind it that has a counterpart here'
          : null,
  };
}

/** The pattern of version 1: `UrlGroup ".*"`. */
function withOwnPattern(service: Directive): readonly Directive[] {
  const { body, key, words } = service;
  if (key !== 'urlgroup' || words.length === 0) return body ?? [];
  return [{ ...service, name: 'URL', key: 'url', body: null }, ...(body ?? [])];
}

function targetOf(body: readonly Directive[], said: Said, tell: Tell): Readonly<Record<string, unknown>> | null {
  const found: { to: string; weight: number; emergency: boolean }[] = [];
  let other: Readonly<Record<string, unknown>> | null = null;
  for (const each of body) {
    if (each.key === 'backend' || each.key === 'emergency' || each.key === 'usebackend' || each.key === 'use') {
      const one = backendOf(each, said, tell);
      if (one !== null && found.some(({ to }) => to === one.to)) tell(each, 'the same backend twice: weight says how much it takes');
      else if (one !== null) found.push(one);
    } else other ??= answerOf(each, tell);
  }
  const [only, ...more] = found;
  if (only === undefined) return other;
  if (more.length === 0) return { to: only.to };
  if (!found.some(({ weight, emergency }) => weight > 0 && !emergency)) return null;
  return {
    to: found.map(({ to, weight, emergency }) =>
      weight === 1 && !emergency ? to : { to, ...(weight === 1 ? {} : { weight }), ...(emergency ? { emergency } : {}) },
    ),
  };
}

/** Redirect, Error, Success, SendFile, Metrics. */
function answerOf(each: Directive, tell: Tell): Readonly<Record<string, unknown>> | null {
  const { key, words } = each;
  if (key === 'redirect') return redirectOf(each, tell);
  if (key === 'error' && /^[45]\d\d$/.test(words[0] ?? '')) {
    if (words.length > 1) tell(each, 'its page: errors: takes files by status, respond: takes one with { respond, file }');
    return { to: `respond:${words[0] ?? '404'}` };
  }
  if (key === 'success') return { to: 'respond:200' };
  if (key === 'sendfile' && words.length === 1 && words[0] !== '') return { dir: words[0] };
  if (key === 'metrics') tell(each, '`sallyport status` has what it showed');
  return null;
}

function redirectOf(each: Directive, tell: Tell): Readonly<Record<string, unknown>> | null {
  const [first = '', second] = each.words;
  const status = second === undefined ? 302 : Number(first);
  const url = second ?? first;
  // $1 stands for a group of a pattern, %[…] for what a visitor sent.
  const said = url.replace(/\/?%\[url\]$/, '/{path}?{query}').replace(/\/?%\[path\]$/, '/{path}');
  const target = /^https?:\/\/[^/]+$/.test(said) ? `${said}/{path}?{query}` : said;
  if (/[$%]/.test(target) || redirectTemplate(target) === null || ![301, 302, 303, 307, 308].includes(status)) {
    tell(each, 'a redirect leads to a fixed place, with {path} and {query} in it');
    return null;
  }
  return { to: status === 302 ? `redirect:${target}` : { redirect: target, status } };
}

function backendOf(each: Directive, said: Said, tell: Tell): { to: string; weight: number; emergency: boolean } | null {
  const emergency = each.key === 'emergency';
  const use = each.key === 'usebackend' || each.key === 'use';
  const of = use ? said.backends.get(each.words[0] ?? '') : each;
  if (of === undefined) return (tell(each, 'there is no backend of this name'), null);
  // Version 1: BackEnd 127.0.0.1,8080,1
  const [compact = ''] = of.words;
  const [host = '', port = '', priority = '5'] =
    of.body === null ? compact.split(',') : [wordOf(of, 'address'), wordOf(of, 'port'), wordOf(of, 'priority') ?? '5'];
  const body = of.body ?? [];
  for (const inner of body)
    if (!inBackend.has(inner.key))
      tell(inner, inner.key === 'cert' ? 'there are no client certificates towards services' : reasonFor(inner.key));
  const isTls = body.some(({ key }) => key === 'https');
  for (const inner of body)
    if (inner.key === 'https') tell(inner, 'the certificate is verified here: verify: names a CA, pins one, or says insecure');
  const to = host.startsWith('/')
    ? `unix:${host}`
    : `${isTls ? 'https' : 'http'}://${isIPv6(host) ? `[${host}]` : host}:${portOf(port, isTls)}`;
  const weight = Number(priority);
  if (body.some(({ key, words }) => key === 'disabled' && /^(?:1|yes|true|on)$/i.test(words[0] ?? 'yes')))
    return (tell(of, 'it was disabled'), null);
  if ((!to.startsWith('unix:') && !readBehind(to).ok) || !/^\d{1,5}$/.test(priority))
    return (tell(of, 'this is no address of a backend'), null);
  // Pound's usual weight is 5 and goes to 65535, ours 1 and 1000.
  return { to, weight: weight === 5 ? 1 : Math.min(weight, 1_000), emergency };
}

const inBackend: ReadonlySet<string> = new Set(['address', 'port', 'priority', 'https', 'disabled', 'timeout', 'connto', 'wstimeout']);

function portOf(port: string | undefined, isTls: boolean): string {
  if (port === undefined || port === '') return isTls ? '443' : '80';
  return { http: '80', https: '443' }[port] ?? port;
}

export function wordOf({ body }: Directive, key: string): string | undefined {
  return body?.find((each) => each.key === key)?.words[0];
}

function balanceOf(body: readonly Directive[], { every }: Said, tell: Tell): Readonly<Record<string, unknown>> | null {
  const session = body.find(({ key }) => key === 'session');
  const several = body.filter(({ key }) => key === 'backend' || key === 'usebackend' || key === 'use' || key === 'emergency').length > 1;
  const type = session === undefined ? undefined : (wordOf(session, 'type') ?? session.words[0])?.toLowerCase();
  const id = session === undefined ? undefined : wordOf(session, 'id');
  if (session !== undefined && !several) tell(session, 'with one backend there is nothing to stick to');
  if (!several) return null;
  if (type === 'cookie') tell(session ?? none, 'the cookie that says which backend is one of ours, not the service’s');
  if (type === 'basic' || type === 'url' || type === 'parm')
    tell(session ?? none, 'nothing sticks to that; the nearest is a cookie of ours');
  const fromHeader = type === 'header' && id !== undefined && /^[\w-]{1,100}$/.test(id) && id.toLowerCase() !== 'cookie';
  const sticky = type === undefined ? null : type === 'ip' ? 'address' : fromHeader ? { header: id } : 'cookie';
  return sticky === null && every === null
    ? null
    : { ...(sticky === null ? {} : { sticky }), ...(every === null ? {} : { check: { every } }) };
}

const none: Directive = { line: 0, name: '', key: '', words: [], text: '', body: null };

function timeoutsOf(body: readonly Directive[], { answer }: Said): Readonly<Record<string, unknown>> | null {
  const backends = body.filter(({ key }) => key === 'backend');
  const [dial, own] = ['connto', 'timeout'].map((key) => backends.map((each) => wordOf(each, key)).find((word) => word !== undefined));
  const [dialTime, answerTime] = [time(dial), time(own) ?? answer];
  return dialTime === null && answerTime === null
    ? null
    : { ...(dialTime === null ? {} : { dial: dialTime }), ...(answerTime === null ? {} : { answer: answerTime }) };
}

/** Pound's seconds, or its units. Null where it is none, or one that we do not take. */
export function time(word: string | undefined): string | null {
  const [, count = '', unit = ''] = /^(\d{1,6})([smh]?)$/.exec(word ?? '') ?? [];
  const seconds = Number(count) * ({ m: 60, h: 3_600 }[unit] ?? 1);
  return count === '' || seconds < 1 || seconds > 3_600 ? null : `${seconds}s`;
}
