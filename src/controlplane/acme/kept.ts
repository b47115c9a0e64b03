/** Certificates and failures as the store keeps them: written by whoever ordered, read by every process. */

import { z } from 'zod';
import type { Material } from '../../contracts/certificate.ts';
import type { Entry, Records } from '../../contracts/store.ts';
import { readIssued, serialOf } from './issued.ts';
import { keyOf } from './plan.ts';

export const certificatesPrefix = 'acme-certificates/';
const statesPrefix = 'acme-states/';
/** Numbers of certificates that are valid still: with one of six days each three, that is two months. */
const serialsMax = 20;

const certificate = z.object({
  name: z.string(),
  directory: z.string(),
  key: z.string(),
  chain: z.string(),
  /** Of this one and those before it, the newest first. */
  serials: z.array(z.string()).max(serialsMax),
  /** When it was kept, milliseconds since 1970. */
  at: z.number(),
});
export type KeptCertificate = z.infer<typeof certificate>;

const state = z.object({ name: z.string(), failures: z.number(), next: z.number(), code: z.string(), why: z.string() });
/** How often it failed one after the other, and when it is tried again: outlives a restart, or a crash loop would use up what the CA allows. */
export type FailedState = z.infer<typeof state>;

const noFailure = { failures: 0, next: 0, code: '', why: '' } as const;

export function readCertificate(entry: Entry | null): KeptCertificate | null {
  return entry === null ? null : (certificate.safeParse(entry.value).data ?? null);
}

/** Null when it cannot be shown any more: past its end, or damaged. */
export function materialOf(kept: KeptCertificate, now: number): Material | null {
  try {
    return readIssued(kept.chain, kept.key, kept.name, now);
  } catch {
    return null;
  }
}

export async function findCertificate(records: Records, name: string): Promise<KeptCertificate | null> {
  return readCertificate(await records.get(certificatesPrefix + keyOf(name)));
}

export async function listCertificates(records: Records): Promise<readonly KeptCertificate[]> {
  return (await records.list(certificatesPrefix)).map(readCertificate).filter((each) => each !== null);
}

export async function keepCertificate(
  records: Records,
  facts: Readonly<{ name: string; directory: string; material: Material; before: KeptCertificate | null; at: number }>,
): Promise<KeptCertificate> {
  const { name, directory, material, before, at } = facts;
  const serials = [serialOf(material.chain), ...(before?.serials ?? [])].slice(0, serialsMax);
  const kept: KeptCertificate = { name, directory, key: material.key, chain: material.chain, serials, at };
  await records.put(certificatesPrefix + keyOf(name), kept);
  return kept;
}

export async function findState(records: Records, name: string): Promise<FailedState> {
  const entry = await records.get(statesPrefix + keyOf(name));
  return state.safeParse(entry?.value).data ?? { name, ...noFailure };
}

/** Without failures nothing is kept. */
export async function keepState(records: Records, kept: FailedState): Promise<void> {
  const key = statesPrefix + keyOf(kept.name);
  if (kept.failures === 0) await records.delete(key);
  else await records.put(key, kept);
}

export async function listStates(records: Records): Promise<readonly FailedState[]> {
  return (await records.list(statesPrefix)).flatMap(({ value }) => state.safeParse(value).data ?? []);
}
