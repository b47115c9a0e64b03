/** Reads `relay.yaml`: what it says, or every mistake in it. */

import type { z } from 'zod';
import type { Limits } from '../../core/limits.ts';
import type { Path, Problem, ReadDocument } from './document.ts';
import { fileParser } from './file-parser.ts';
import type { FileParser } from './file-parser.ts';
import { settlePages, type PagesPlan } from './page-keys.ts';
import type { Listen } from './plan.ts';
import { relaySchema } from './relay-schema.ts';
import { needsOwnCertificate, settleTerminate } from './terminate-schema.ts';
import type { TerminatePlan } from './terminate-schema.ts';

/** What the file says; null for what it leaves to the words of the command, and to their defaults. */
export type RelayConfig = Readonly<{
  domain: string | null;
  listen: readonly Listen[] | null;
  /** HOST:PORT. */
  address: string | null;
  /** Whom a process becomes that was started as root. */
  user: string | null;
  /** PEM files, absolute paths. */
  files: Readonly<{ certificate: string; key: string }> | null;
  drainMs: number | null;
  terminate: readonly TerminatePlan[];
  /** Before what is terminated. */
  firewall: boolean;
  ownDomains: Readonly<{ perGateway: number; servers: readonly string[] | null }> | null;
  /** How its own pages look and read; left out: as usual. */
  pages?: PagesPlan;
  limits: Partial<Limits>;
}>;

type CheckedFile = z.output<ReturnType<typeof relaySchema>>;

export function relayParser(): FileParser<RelayConfig> {
  return fileParser({ title: 'Sallyport relay', schema: relaySchema(), contradictions, settle });
}

function contradictions(file: CheckedFile, document: ReadDocument): readonly Problem[] {
  const problems: Problem[] = [];
  const complain = (path: Path, sentence: string): void => {
    problems.push({ ...document.place(path), sentence: `${path.join('.')}: ${sentence}` });
  };
  const [one, other] = file.certificate === undefined ? (['key', 'certificate'] as const) : (['certificate', 'key'] as const);
  if ((file.certificate === undefined) !== (file.key === undefined)) complain([one], `found no ${other} beside it, expected both`);
  const listen = [file.listen ?? []].flat();
  if (file.listen !== undefined && !listen.some(({ scheme }) => scheme === 'https'))
    complain(['listen'], 'found no https:// address, expected at least one: visitors and gateways come there');
  if (file.resolvers !== undefined && file.ownDomains === undefined)
    complain(['resolvers'], 'found no ownDomains beside it, expected how many one gateway may have');
  if (file.certificate === undefined && needsOwnCertificate(file.terminate))
    complain(['terminate'], 'found a name alone and no certificate: at the top, expected it, or { names, certificate, key }');
  if (file.drain === 'never') complain(['drain'], 'found never, expected a time like 15m');
  return problems.toSorted((left, right) => left.line - right.line || left.column - right.column);
}

function settle(file: CheckedFile, absolute: (path: string) => string): RelayConfig {
  const { certificate, key, drain } = file;
  const files = certificate === undefined || key === undefined ? null : { certificate: absolute(certificate), key: absolute(key) };
  return Object.freeze({
    domain: file.domain ?? null,
    listen: file.listen === undefined ? null : [file.listen].flat(),
    address: file.address === undefined || /:\d+$/.test(file.address) ? (file.address ?? null) : `${file.address}:443`,
    user: file.user ?? null,
    files,
    terminate: settleTerminate(file.terminate, files, absolute),
    firewall: file.firewall !== 'off',
    ownDomains: file.ownDomains === undefined ? null : { perGateway: file.ownDomains, servers: file.resolvers ?? null },
    ...settlePages(file, absolute),
    drainMs: typeof drain === 'number' ? drain : null,
    // Only names of `Limits` passed the schema, and only numbers.
    limits: Object.fromEntries(Object.entries(file.limits ?? {}).filter(([, value]) => value !== undefined)),
  });
}
