/** A relay's door for WebSockets on its own name, where a certificate was named. */

import { splitAddress } from '../controlplane/enrolment/invite-code.ts';
import { readCertificateFiles } from '../controlplane/certificates/own-files.ts';
import type { Relay, RelayOptions } from '../relay.ts';

export type OwnDoorPlan = Readonly<{
  domain: string;
  /** How gateways reach the relay, when that is not its domain: HOST:PORT. */
  address: string | null;
  files: Readonly<{ certificate: string; key: string }> | null;
}>;

export type OwnDoor = Readonly<{
  door: NonNullable<RelayOptions['own']>;
  attach: (relay: Relay) => void /** Reads these files, the ones of the start when none are named. Throws when they cannot be used. */;
  renew: (files?: OwnDoorPlan['files']) => Promise<void>;
}>;

/** Null where none was named. Errors: those of its files. */
export async function ownDoor({ files, domain, address }: OwnDoorPlan): Promise<OwnDoor | null> {
  if (files === null) return null;
  const { certificate, key } = files;
  const names = [domain, ...(address === null ? [] : [splitAddress(address).host])];
  let running: Relay | null = null;
  return {
    door: { names, certificate: await readCertificateFiles(certificate, key) },
    attach: (relay) => (running = relay),
    renew: async (renewed) => running?.renew(await readCertificateFiles(renewed?.certificate ?? certificate, renewed?.key ?? key)),
  };
}
