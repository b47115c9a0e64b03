/** Rules between the keys of a service that speaks HTTP, and between services that share a name. */

import type { Problem, ReadDocument } from './document.ts';
import { proxyRewriteProblems } from './proxy-rewrite.ts';
import type { CheckedFile } from './settle.ts';

/** Who has a place: `blog.example.org/api`, and where that is said. */
export type Claims = Map<string, Readonly<{ name: string; line: number; web: boolean }>>;

type CheckedService = CheckedFile['services'][string];

/** Problems of one service; its places are added to `claimed`. */
export function webContradictions(name: string, service: CheckedService, claimed: Claims, document: ReadDocument): readonly Problem[] {
  const problems: Problem[] = [];
  const complain = (key: string, sentence: string): void => {
    problems.push({ ...document.place(['services', name, key]), sentence: `services.${name}.${key}: ${sentence}` });
  };
  const { is: kind } = service.to ?? { is: 'folder' };
  const isWeb = kind !== 'tls' && kind !== 'tcp' && kind !== 'egress';
  const places = [service.at ?? []].flat();
  for (const [index, { host, path }] of places.entries()) {
    const text = host + path;
    const { line, column } = document.place(Array.isArray(service.at) ? ['services', name, 'at', index] : ['services', name, 'at']);
    const other = claimed.get(text);
    if (other !== undefined) {
      const whose = other.name === name ? 'stands there twice' : `belongs to services.${other.name}`;
      const sentence = `services.${name}.at: found ${text}, which ${whose} (line ${other.line}), expected one service a place`;
      problems.push({ line, column, sentence });
    }
    if (path !== '' && !isWeb) complain('at', `found a path beside ${kind}://, expected a name alone: only requests have paths`);
    const sharer = [...claimed].find(([claim, { name: whose, web }]) => whose !== name && claim.split('/')[0] === host && !(web && isWeb));
    if (sharer !== undefined && other === undefined)
      complain(
        'at',
        `found ${host}, which belongs to services.${sharer[1].name} (line ${sharer[1].line}), expected a name of its own for what is no http`,
      );
    claimed.set(text, { name, line, web: isWeb });
  }
  if (!isWeb) {
    // What a proxy leads to is spoken to in HTTP as well; that it is not ours is another matter.
    const foreign = [
      'rules',
      'roles',
      'routes',
      'errors',
      ...(kind === 'egress' ? (['identity'] as const) : (['rewrite'] as const)),
    ] as const;
    for (const key of foreign)
      if (service[key] !== undefined)
        complain(key, `found it beside ${kind === 'egress' ? 'a proxy' : `${kind}://`}, expected it beside http only`);
    if (kind === 'egress') {
      if (service.rewritehost !== false) complain('rewritehost', 'found it beside a proxy, expected it beside http only');
      if (service.from !== undefined)
        complain('from', 'found it beside a proxy, expected it beside to only: the system says from where it dials');
      problems.push(...proxyRewriteProblems(name, service.rewrite, document));
    }
    if (service.maintenance !== false)
      complain('maintenance', `found it beside ${kind === 'egress' ? 'a proxy' : `${kind}://`}, expected it beside http only`);
  }
  if (service.rules !== undefined && service.access?.some((uses) => uses.every(({ guard }) => guard === 'public')) === true)
    complain('access', 'found public beside rules, expected who can sign in; rules say themselves what is open: allow: anyone');
  if (service.roles !== undefined && service.rules === undefined)
    complain('roles', 'found it without rules, expected rules that ask for roles');
  return problems;
}
