/** Mistakes of `login`: before what it cannot stand, and pages on which nobody could open it. Told with their place in the file. */

import type { Access, Behind } from './plan.ts';

type Said = Readonly<{ to?: Behind | undefined; dir?: unknown; routes?: unknown; access?: Access | undefined }>;

/** Kinds of services that have no web pages. */
const pageless: ReadonlySet<Behind['is']> = new Set(['port', 'tls', 'tcp', 'egress']);

/** Of one service; none when all is well. */
export function loginProblems(service: Said, services: Readonly<Record<string, Said>>): readonly string[] {
  const uses = (service.access ?? []).flat().filter(({ guard }) => guard === 'login');
  if (uses.length === 0) return [];
  const kind = service.to?.is ?? 'folder';
  if (kind !== 'port' && kind !== 'tls' && kind !== 'tcp' && kind !== 'egress')
    return ['found login before a service that can ask itself who comes, expected it before tcp:// or udp:// with a port, or tls://'];
  return uses.flatMap(({ options }) => {
    const web = webOf(options);
    const named = Object.hasOwn(services, web) ? services[web] : undefined;
    if (named === undefined) return [`found login with the service ${web}, which does not exist, expected one of this file with web pages`];
    const pages = named.to === undefined || !pageless.has(named.to.is);
    return pages ? [] : [`found login with the service ${web}, which has no web pages, expected one that is reached with a browser`];
  });
}

/** As the guard's own schema gives it. */
function webOf(options: unknown): string {
  return typeof options === 'object' && options !== null && 'web' in options && typeof options.web === 'string' ? options.web : '';
}
