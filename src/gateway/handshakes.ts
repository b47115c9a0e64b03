/** What handshakes are begun with, and what ends with the certificate that was shown in one. */

import type { Snapshot } from '../contracts/snapshot.ts';
import type { Closable } from '../contracts/stream.ts';
import type { DoorsOptions } from '../dataplane/doors.ts';
import type { Engine } from '../dataplane/engine.ts';
import type { Parts } from './assemble.ts';
import { closeDoorsOf } from './doors-standing.ts';

type Handshakes = Required<Pick<DoorsOptions, 'contextFor' | 'base' | 'challengeFor' | 'askingFor' | 'asksAnybody'>>;

export function handshakes({ contexts, acme }: Pick<Parts, 'contexts' | 'acme'>, current: () => Snapshot): Handshakes {
  return {
    contextFor: (name) => contexts.contextFor(name),
    base: () => contexts.base(),
    challengeFor: (name) => acme.answers.tls(name),
    asksAnybody: () => current().asking !== undefined,
    askingFor: (name, proxy) => {
      const roots = current().asking?.(name, proxy) ?? null;
      return roots === null ? null : contexts.askingFor(name, roots);
    },
  };
}

/** Ends what somebody has open whose certificate was taken back, or has ended, and the doors that they opened by it; each look goes over everything that runs. */
export function cutWithCertificates({ clientCertificates: desk, tools }: Parts, engine: Pick<Engine, 'cut'>): Closable {
  let waits = false;
  const cut = (): void => {
    waits = false;
    engine.cut((_service, who) => who?.certificate !== undefined && !desk.stands(who.certificate), 'credentials-expired');
  };
  desk.watch((ended) => {
    for (const subject of ended) closeDoorsOf(tools.doors, subject);
    if (waits) return;
    waits = true;
    queueMicrotask(cut);
  });
  return desk;
}
