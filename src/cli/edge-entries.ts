/** The names whose TLS a relay ends, with what their files hold. */

import { readCertificateFiles } from '../controlplane/certificates/own-files.ts';
import type { RelayOptions } from '../relay.ts';
import type { RelayPlan } from './relay-plan.ts';

export type EdgeEntries = NonNullable<RelayOptions['edge']>['entries'];

/** Errors: those of its files. */
export function edgeEntries({ terminate }: Pick<RelayPlan, 'terminate'>): Promise<EdgeEntries> {
  return Promise.all(
    terminate.map(async ({ names, certificate, key }) => ({ names, certificate: await readCertificateFiles(certificate, key) })),
  );
}
