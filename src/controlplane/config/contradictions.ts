/** Rules between keys: what is right for itself and wrong together. */

import { balanceProblems } from './balance-keys.ts';
import { certificateProblems } from './certificate-problems.ts';
import type { Path, Problem, ReadDocument } from './document.ts';
import { firewallProblem } from './firewall-keys.ts';
import { portProblems, type ClaimedPorts } from './ports.ts';
import type { CheckedFile } from './settle.ts';
import { loginProblems } from './login-problems.ts';
import { serviceLimitsProblem } from './limit-keys.ts';
import { webContradictions, type Claims } from './web-contradictions.ts';
import { hasTlsDoor, impossibleGuard, possibleGuards } from './unread.ts';
import { verifyProblems } from './verify-key.ts';

/** Problems in the order of the text; none when all is well. */
export function contradictions(file: CheckedFile, document: ReadDocument): readonly Problem[] {
  const problems: Problem[] = [];
  const complain = (path: Path, sentence: string): void => {
    problems.push({ ...document.place(path), sentence: `${path.join('.')}: ${sentence}` });
  };
  const services = Object.entries(file.services);
  if (services.length === 0) complain(['services'], 'found no service, expected at least one, like blog: { to: 3000 }');
  const claimed: Claims = new Map();
  const ports: ClaimedPorts = new Map();
  for (const [name, service] of services) {
    const here = ['services', name];
    if (service.to === undefined && service.dir === undefined && service.routes === undefined)
      complain(here, 'found neither to nor dir, expected one of them');
    if (service.to !== undefined && service.dir !== undefined) complain([...here, 'dir'], 'found both to and dir, expected one of them');
    if (service.to !== undefined && service.indexes) complain([...here, 'indexes'], 'found it beside to, expected it beside dir only');
    if (service.dir !== undefined) {
      for (const key of ['from', 'proxy', 'rewritehost', 'rawheaders'] as const) {
        if (service[key] !== undefined && service[key] !== false)
          complain([...here, key], 'found it beside dir, expected it beside to only');
      }
    }
    for (const { key, sentence } of balanceProblems(service)) complain([...here, key], sentence);
    for (const { key, sentence } of verifyProblems(service)) complain([...here, key], sentence);
    const overLimit = serviceLimitsProblem(service.limits, service.to?.is ?? 'folder');
    if (overLimit !== null) complain([...here, 'limits'], overLimit);
    for (const { key, sentence } of portProblems(name, service, { ...file, claimed: ports })) complain([...here, key], sentence);
    for (const sentence of [...loginProblems(service, file.services), ...certificateProblems(service, file)])
      complain([...here, 'access'], sentence);
    const pointless = firewallProblem(service.firewall, service.port === undefined ? (service.to?.is ?? 'folder') : 'port');
    if (pointless !== null) complain([...here, 'firewall'], pointless);
    if (service.to?.is === 'tls' || (service.to?.is === 'tcp' && service.port === undefined))
      otherThanHttp(service, service.to.is, (key, sentence) => complain([...here, key], sentence));
    if (service.to?.is === 'tls' && file.relay === undefined && file.listen !== undefined && !hasTlsDoor({ listen: [file.listen].flat() }))
      complain([...here, 'to'], 'found tls:// and no https:// in listen, expected one: nobody could come');
    for (const problem of webContradictions(name, service, claimed, document)) problems.push(problem);
  }
  if (file.listen !== undefined && services.length > 1) {
    for (const [name, service] of services) {
      const hasDoor = service.to?.is === 'egress' && service.to.door.listen.length > 0;
      if (service.at === undefined && service.port === undefined && file.relay === undefined && !hasDoor)
        complain(['services', name], 'found no at, expected one: several services share these addresses and are told apart by their names');
    }
  }
  return problems.toSorted((left, right) => left.line - right.line || left.column - right.column);
}

type CheckedService = CheckedFile['services'][string];

/** Nothing is promised that cannot be kept: a guard that could never be asked, a field of HTTP where there is none. */
function otherThanHttp(service: CheckedService, kind: 'tls' | 'tcp', complain: (key: string, sentence: string) => void): void {
  for (const key of ['rewritehost', 'rawheaders'] as const) {
    if (service[key] !== false) complain(key, `found it beside ${kind}://, expected it beside http only`);
  }
  if (service.terminate === 'relay') complain('terminate', `found relay beside ${kind}://, expected it beside http only`);
  const { access } = service;
  if (access === undefined) {
    if (kind === 'tls')
      complain('to', 'found tls:// and no access, expected [public] or [{ ip: [192.0.2.0/24] }]: TLS is passed on unread');
    return;
  }
  const impossible = impossibleGuard(access, kind);
  if (impossible === null) return;
  const possible = [...(possibleGuards[kind] ?? [])];
  complain(
    'access',
    `found ${impossible}, which cannot be asked before ${kind}://, expected ${possible.slice(0, -1).join(', ')} or ${possible.at(-1)}`,
  );
}
