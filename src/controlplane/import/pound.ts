/** `sallyport import pound`: a configuration of Pound as one of ours. What cannot be said is a comment, and never lets in more. */

import { isIP } from 'node:net';
import { SallyportError } from '../../core/errors.ts';
import { hostPort } from '../../core/address.ts';
import { readUserName } from '../service-user.ts';
import { flow } from './comment.ts';
import { addressList } from './pound-match.ts';
import { caseless, guardsOf, refuseMixed, serving } from './pound-listeners.ts';
import { reasonFor } from './pound-reasons.ts';
import { rewriteOf, rewritten } from './pound-rewrite.ts';
import { importService, time, wordOf, type ImportedRoute, type Said, type Unlike } from './pound-service.ts';
import { malformed, readPound, type Directive } from './pound-text.ts';
import { serviceLines, toldOf } from './pound-written.ts';

export type Imported = Readonly<{ yaml: string; services: readonly string[]; unlike: number }>;

/** Routes of one service, and services. */
const routesMax = 50;

/** Errors: `config-malformed` with the line; `config-malformed` where there is nothing to import. */
export function importPound(text: string, named: string): Imported {
  const top = caseless(readPound(text, named));
  const listeners = top.filter(({ key }) => key === 'listenhttp' || key === 'listenhttps');
  const services = [...listeners, { body: top }].flatMap(({ body }) =>
    (body ?? []).filter(({ key }) => key === 'service' || key === 'urlgroup'),
  );
  if (listeners.length === 0 || services.length === 0)
    throw new SallyportError('config-malformed', `${named} has no ${listeners.length === 0 ? 'ListenHTTP or ListenHTTPS' : 'Service'}.`, {
      hint: 'Is it a configuration of Pound? The main file is usually /etc/pound/pound.cfg.',
    });
  const unlike: Unlike[] = [];
  const places = listeners.map((each) => placeOf(each, named, unlike));
  const said = saidIn(top, unlike);
  const all = services.map((each) => withListener(each, listeners, said));
  const routes = all.filter((each) => !isOwnRedirect(each, places));
  for (const each of all)
    if (!routes.includes(each)) unlike.push({ line: each.line, text: 'Service', why: 'plain HTTP sends visitors to HTTPS by itself' });
  refuseMixed(listeners, routes, named);
  for (const each of top) if (!atTop.has(each.key)) unlike.push({ line: each.line, text: each.text, why: reasonFor(each.key) });
  const guards = guardsOf(serving(listeners, routes), top, named);
  const made = grouped(routes, guards);
  const lines = [
    '# From a configuration of Pound, by `sallyport import pound`. Read it before it serves: `sallyport config check`.',
    '# Pound asks nobody who they are, so access: is [public]. To ask: access: [{ password: {} }], and `sallyport users add`.',
    ...toldOf(unlike),
    ...topLines(top, places),
    'services:',
    ...made.flatMap(({ name, at, routes: each }) => serviceLines(name, { at, all: each, guards })),
  ];
  const count = unlike.length + guards.length + routes.reduce((sum, each) => sum + each.unlike.length, 0);
  return { yaml: `${lines.join('\n')}\n`, services: made.map(({ name }) => name), unlike: count };
}

const atTop: ReadonlySet<string> = new Set([
  'listenhttp',
  'listenhttps',
  'service',
  'urlgroup',
  'user',
  'alive',
  'timeout',
  'acl',
  'backend',
  'extendedhttp',
  'webdav',
  'xhttp',
  'checkurl',
  'ignorecase',
]);

type PlaceSaid = Readonly<{ url: string; certificates: readonly string[] }>;

/** `ListenHTTPS *,443 cert.pem` of version 1, or a section. */
function placeOf(each: Directive, named: string, unlike: Unlike[]): PlaceSaid {
  const isTls = each.key === 'listenhttps';
  const [compact = '', ...files] = each.words;
  const [address = '', given = ''] = each.body === null ? compact.split(',') : [wordOf(each, 'address'), wordOf(each, 'port')];
  const host = address === '' || address === '*' ? '0.0.0.0' : address;
  const port = { http: '80', https: '443', '': isTls ? '443' : '80' }[given] ?? given;
  if ((isIP(host) === 0 && host !== 'localhost') || !/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535)
    throw malformed(
      named,
      each.line,
      `found ${JSON.stringify(`${address} ${given}`.slice(0, 100))}, expected an address of this machine and a port`,
    );
  const certificates = [
    ...files.slice(0, 1),
    ...(each.body ?? []).filter(({ key }) => key === 'cert').flatMap(({ words }) => words.slice(0, 1)),
  ];
  rewriteOf(each.body ?? [], (inner, why) => void unlike.push({ line: inner.line, text: inner.text, why }));
  for (const inner of each.body ?? [])
    if (!inListener.has(inner.key)) unlike.push({ line: inner.line, text: inner.text, why: reasonFor(inner.key) });
  return {
    url: `${isTls ? 'https' : 'http'}://${hostPort(host, Number(port))}`,
    certificates: certificates.filter((path) => path !== '' && path.length <= 4_096),
  };
}

const inListener: ReadonlySet<string> = new Set([
  ...rewritten,
  'address',
  'port',
  'cert',
  'service',
  'xhttp',
  'checkurl',
  'ignorecase',
  'urlgroup',
]);

function saidIn(top: readonly Directive[], unlike: Unlike[]): Said {
  const lists = new Map<string, readonly string[] | null>();
  const backends = new Map<string, Directive>();
  for (const each of top) {
    const [name = ''] = each.words;
    if (each.key === 'acl') lists.set(name, each.body === null ? null : addressList(each.body));
    if (each.key === 'acl' && lists.get(name) === null)
      unlike.push({ line: each.line, text: each.text, why: 'a list in a file, or of something else than addresses' });
    if (each.key === 'backend') backends.set(name, each);
  }
  const of = (key: string): string | undefined => top.find((each) => each.key === key)?.words[0];
  return { lists, backends, every: time(of('alive')), answer: time(of('timeout')) };
}

/** What a listener says of all its services, each of them says here. */
function withListener(service: Directive, listeners: readonly Directive[], said: Said): ImportedRoute {
  const owner = listeners.find(({ body }) => body?.includes(service) === true);
  const route = importService(service, said);
  const shared = rewriteOf(owner?.body ?? listeners.flatMap(({ body }) => body ?? []), () => undefined);
  return shared === null || route.shut !== null ? route : { ...route, rewrite: route.rewrite ?? shared };
}

/** Plain HTTP sends visitors to HTTPS by itself. */
function isOwnRedirect({ match, target, shut }: ImportedRoute, places: readonly PlaceSaid[]): boolean {
  const to = target?.['to'];
  const url =
    typeof to === 'object' && to !== null && 'redirect' in to ? to.redirect : typeof to === 'string' ? to.replace(/^redirect:/, '') : '';
  const both = places.some(({ url: one }) => one.startsWith('https:')) && places.some(({ url: one }) => one.startsWith('http:'));
  return both && shut === null && match === null && typeof url === 'string' && /^https:\/\/[^/]+\/\{path\}/.test(url);
}

type Group = Readonly<{ name: string; at: readonly string[] | null; routes: readonly ImportedRoute[] }>;

/** A service for each name where all of them are told apart by exact names; else one, whose routes keep Pound's order. */
function grouped(routes: readonly ImportedRoute[], guards: readonly unknown[]): readonly Group[] {
  if (routes.length + guards.length > routesMax)
    throw new SallyportError('config-malformed', `It has ${routes.length} services, and one of ours has ${routesMax} routes at most.`, {
      hint: 'Import it in parts: a listener with some of its services at a time.',
    });
  const here = routes.filter(({ off }) => !off);
  if (here.length === 0 || here.some(({ hosts }) => hosts === null)) return [{ name: 'pound', at: null, routes }];
  const groups = new Map<string, ImportedRoute[]>();
  for (const each of routes) {
    const key = each.hosts?.[0] ?? here[0]?.hosts?.[0] ?? '';
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  const names = new Set<string>();
  return Array.from(groups, ([host, all]) => ({ name: freshName(host, names), at: [host], routes: all }));
}

function freshName(host: string, names: Set<string>): string {
  const base =
    host
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 50)
      .replace(/-$/, '') || 'pound';
  let name = base;
  for (let count = 2; names.has(name); count += 1) name = `${base}-${count}`;
  names.add(name);
  return name;
}

function topLines(top: readonly Directive[], places: readonly PlaceSaid[]): readonly string[] {
  const urls = [...new Set(places.map(({ url }) => url))];
  const certificates = [...new Set(places.flatMap((each) => each.certificates))];
  const user = top.find(({ key }) => key === 'user')?.words[0];
  const isPlain = urls.every((url) => url.startsWith('http:'));
  return [
    ...(user !== undefined && readUserName(user) !== null && user !== 'root' ? [`user: ${flow(user)}`] : []),
    `listen: ${flow(urls.length === 1 ? urls[0] : urls)}`,
    ...(isPlain ? ['# Without HTTPS whoever is on the way reads and changes everything.', 'network: shared', 'plainhttp: allow'] : []),
    ...(!isPlain && urls.some((url) => url.startsWith('http:')) ? ['# The http:// addresses only send visitors to HTTPS.'] : []),
    ...(certificates.length === 0 ? [] : [`certificates: ${flow(certificates)}`]),
  ];
}
