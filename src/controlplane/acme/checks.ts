/** What `doctor` finds of certificates: are they there, and who else could have one. */

import type { CaaRecord } from 'node:dns';
import type { Records } from '../../contracts/store.ts';
import { SallyportError } from '../../core/errors.ts';
import { systemCode } from '../../core/system-error.ts';
import type { Check } from '../check/machine.ts';
import { readAccount } from './account.ts';
import { readDirectory } from './authority.ts';
import { caaLine, judgeCaa } from './caa.ts';
import type { CaHttps } from './https.ts';
import { findCertificate, findState, materialOf } from './kept.ts';
import type { AcmePlan } from './plan.ts';
import type { ChallengeKind, Directory } from './replies.ts';

export type AcmeChecksOptions = Readonly<{
  plan: AcmePlan;
  names: readonly string[];
  /** Names that belong to a relay: itself and all below. */
  relayNames: readonly string[];
  records: Records;
  https: CaHttps;
  /** `dns.resolveCaa` of one name, without going up. */
  resolve: (name: string) => Promise<readonly CaaRecord[]>;
  now: () => number;
}>;

/** The date is the authority's, for the clock; null when it was not reached. */
export async function checkCertificates(options: AcmeChecksOptions): Promise<Readonly<{ checks: readonly Check[]; date: string | null }>> {
  const { plan, names, records, https } = options;
  let told: Readonly<{ directory: Directory; date: string | null }>;
  try {
    told = await readDirectory(https, plan.directory);
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    const certificates = await Promise.all(names.map((name) => checkOne(name, options)));
    return {
      checks: [{ check: 'certificate authority', state: 'failed', why: error.message, hint: error.hint }, ...certificates],
      date: null,
    };
  }
  const account = await readAccount(records, plan.directory);
  const host = new URL(plan.directory).host;
  const checks: Check[] = [
    plan.agree || (account !== null && account.url !== null)
      ? { check: 'certificate authority', state: 'ok', why: `${host}, ${account?.url ?? 'no account yet'}`, hint: null }
      : {
          check: 'certificate authority',
          state: 'failed',
          why: 'nobody has agreed to its terms of service',
          hint: 'Read them, then: acme: { agree: true }',
        },
  ];
  for (const name of names)
    checks.push(
      await checkOne(name, options),
      await checkCaa(name, account?.url ?? null, told.directory.meta?.caaIdentities?.[0] ?? host, options),
    );
  return { checks, date: told.date };
}

async function checkOne(name: string, { records, now }: AcmeChecksOptions): Promise<Check> {
  const kept = await findCertificate(records, name);
  const material = kept === null ? null : materialOf(kept, now());
  const failed = await findState(records, name);
  const until = material === null ? 'there is none' : `until ${new Date(material.notAfter).toISOString().slice(0, 16)}Z`;
  const check = `certificate of ${name}`;
  if (failed.failures === 0) return { check, state: material === null ? 'warning' : 'ok', why: until, hint: null };
  const why = `${until}; the last ${failed.failures === 1 ? 'try' : `${failed.failures} tries`} failed: ${failed.why}`;
  return {
    check,
    state: 'failed',
    why,
    hint: `Next try: ${new Date(failed.next).toISOString().slice(0, 16)}Z, or: sallyport certificates renew ${name}`,
  };
}

async function checkCaa(name: string, account: string | null, authority: string, options: AcmeChecksOptions): Promise<Check> {
  const { plan, relayNames, resolve } = options;
  const check = `CAA of ${name}`;
  const plain = name.replace(/^\*\./, '');
  const relay = relayNames.find((each) => plain === each || plain.endsWith(`.${each}`));
  if (relay !== undefined)
    return {
      check,
      state: 'warning',
      why: 'a CAA record does not help for a name of the relay: whoever has its domain writes its records',
      hint: 'Use a name of a domain of your own, if the relay is not yours.',
    };
  const wanted = { name, authority, account, methods: methodsOf(plan, name) };
  const records = await climb(plain, resolve);
  if (records === null) return { check, state: 'warning', why: 'the DNS was not reached', hint: caaLine(wanted) };
  const { state, why } = judgeCaa(records, wanted);
  return {
    check,
    state,
    why,
    hint: state === 'ok' ? null : `Write this into the DNS, in place of other CAA records of the name:\n${caaLine(wanted)}`,
  };
}

/** The records of the name, or of the nearest above it that has some (RFC 8659, 3). Null when the DNS does not answer. */
async function climb(name: string, resolve: AcmeChecksOptions['resolve']): Promise<readonly CaaRecord[] | null> {
  const labels = name.split('.');
  for (let at = 0; at < labels.length; at += 1) {
    try {
      const found = await resolve(labels.slice(at).join('.'));
      if (found.length > 0) return found;
    } catch (error) {
      if (!['ENODATA', 'ENOTFOUND'].includes(systemCode(error) ?? '')) return null;
    }
  }
  return [];
}

function methodsOf({ challenge, hook }: AcmePlan, name: string): readonly ChallengeKind[] {
  if (challenge !== 'auto') return [challenge];
  if (hook !== null || name.startsWith('*.')) return ['dns-01'];
  return ['tls-alpn-01', 'http-01'];
}
