/** What the listeners of Pound refuse before any service is asked: refused here as well, or the whole import is. */

import { pathPattern } from './pound-patterns.ts';
import { wordOf, type ImportedRoute } from './pound-service.ts';
import { malformed, type Directive } from './pound-text.ts';

/** Whoever came to one address only must not come by the other: our services know no addresses. */
export function refuseMixed(listeners: readonly Directive[], routes: readonly ImportedRoute[], named: string): void {
  const own = owning(listeners, routes);
  const [first, other] = own;
  if (first === undefined || other === undefined || own.every((each) => wordsOf(each) === wordsOf(first))) return;
  throw malformed(
    named,
    other.line,
    `found services of its own, as the listener of line ${first.line} has: here all services are reached by all addresses`,
  );
}

function owning(listeners: readonly Directive[], routes: readonly ImportedRoute[]): readonly Directive[] {
  const lines = new Set(routes.map(({ line }) => line));
  return listeners.filter(
    ({ body }) => body?.some(({ key, line }) => (key === 'service' || key === 'urlgroup') && lines.has(line)) === true,
  );
}

/** Those that do more than send visitors to HTTPS. */
export function serving(listeners: readonly Directive[], routes: readonly ImportedRoute[]): readonly Directive[] {
  const own = owning(listeners, routes);
  return own.length === 0 ? listeners : own;
}

function wordsOf({ body }: Directive): string {
  return JSON.stringify((body ?? []).filter(({ key }) => key === 'service').map((each) => textsOf(each.body ?? [])));
}

function textsOf(body: readonly Directive[]): readonly unknown[] {
  return body.map((each) => [each.text, textsOf(each.body ?? [])]);
}

export type Guarded = Readonly<{ why: string; route: Readonly<Record<string, unknown>> }>;

const methods: readonly (readonly string[])[] = [
  ['GET', 'HEAD', 'POST'],
  ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
];

/** What a listener refuses before any service is asked. Errors: `config-malformed` for what cannot be refused here as well. */
export function guardsOf(listeners: readonly Directive[], top: readonly Directive[], named: string): readonly Guarded[] {
  const guards: Guarded[] = [];
  const inAll = [...listeners.flatMap(({ body }) => body ?? []), ...top];
  for (const { key, line, words } of inAll) {
    if (key === 'clientcert' && /^[23]$/.test(words[0] ?? ''))
      throw malformed(
        named,
        line,
        'found certificates of visitors, which are said by hand (access: [{ mtls: { ca: FILE } }]): without them everybody would get in',
      );
    if (key !== 'checkurl') continue;
    const path = pathPattern(words.at(-1) ?? '', { kind: 're', icase: words.includes('-icase') });
    if (path === null) throw malformed(named, line, 'found a CheckURL that cannot be said here: without it more would get in');
    if (path !== true)
      guards.push({ why: `line ${line}: CheckURL`, route: { match: { not: { path: { regex: path } } }, to: 'respond:404' } });
  }
  const has = (wanted: string): boolean => top.some(({ key, words }) => key === wanted && words[0] !== '0');
  const levels = listeners.map((each) =>
    Number(wordOf(each, 'xhttp') ?? top.find(({ key }) => key === 'xhttp')?.words[0] ?? (has('webdav') ? 2 : has('extendedhttp') ? 1 : 0)),
  );
  const passed = methods[Math.min(...levels)];
  if (passed !== undefined)
    guards.push({
      why: 'Pound passes these methods only (xHTTP); without this route all pass.',
      route: { match: { not: { method: passed } }, to: 'respond:405' },
    });
  return guards;
}

/** IgnoreCase is for all patterns of paths. */
export function caseless(all: readonly Directive[]): readonly Directive[] {
  if (!all.flatMap(flat).some(({ key, words }) => key === 'ignorecase' && !/^(?:0|no|off|false)$/i.test(words[0] ?? ''))) return all;
  return all.map(change);
}

function flat(each: Directive): readonly Directive[] {
  return [each, ...(each.body ?? []).flatMap(flat)];
}

const ofPaths: ReadonlySet<string> = new Set(['url', 'path', 'urlgroup', 'checkurl']);

function change(each: Directive): Directive {
  return { ...each, words: ofPaths.has(each.key) ? ['-icase', ...each.words] : each.words, body: each.body?.map(change) ?? null };
}
