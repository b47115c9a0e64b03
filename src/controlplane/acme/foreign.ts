/** Looks for certificates of our names that we did not order: in a public record of certificates, and where visitors come in. */

import { z } from 'zod';
import type { Records } from '../../contracts/store.ts';
import { SallyportError } from '../../core/errors.ts';
import type { CaHttps } from './https.ts';
import type { AcmeEvent } from './keeper.ts';
import { findCertificate } from './kept.ts';
import { orderRecord } from './obtain.ts';
import type { AcmePlan } from './plan.ts';
import { readJson } from './replies.ts';

/** `serial` in small hex. `issuer` is a stranger's text. */
export type Foreign = Readonly<{ name: string; serial: string; issuer: string }>;

export type ForeignOptions = Readonly<{
  plan: AcmePlan;
  records: Records;
  https: CaHttps;
  now: () => number;
  chance: () => number;
  /** Nothing is looked for before. Left out: at once. */
  reachable?: Promise<void>;
  /** Closes what is to be closed. What it could not do is found and tried again. */
  onForeign: (foreign: Foreign) => Promise<void>;
  onEvent: (event: AcmeEvent) => void;
}>;

const hourMs = 3_600_000;
/** After a look that passed over what was just being ordered. */
const minuteMs = 60_000;
/** No certificate lives longer (Baseline Requirements 6.3.2): then it need not be remembered. */
const saidMs = 398 * 86_400_000;
/** Of one name; crt.sh names each certificate twice. */
const entriesMax = 20_000;

/** The JSON of crt.sh. Times are UTC without saying so. */
const feed = z
  .array(
    z.object({
      serial_number: z.string().max(100),
      issuer_name: z.string().max(1_000).catch(''),
      name_value: z.string().max(100_000),
      not_after: z.string().max(40),
    }),
  )
  .max(entriesMax);

export class ForeignWatch {
  readonly #options: ForeignOptions;
  readonly #stop = new AbortController();
  #names: readonly string[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ForeignOptions) {
    this.#options = options;
  }

  follow(names: readonly string[]): void {
    this.#names = names;
    if (this.#options.plan.feed !== null && this.#timer === null) this.#wait(0);
  }

  /** Errors: `store-unavailable`. */
  async seen(name: string, serial: string, issuer: string): Promise<void> {
    if (!(await this.#isOurs(name, serial))) await this.#tell({ name, serial, issuer });
  }

  close(): void {
    this.#stop.abort();
    clearTimeout(this.#timer ?? undefined);
    void this.#options.https.close();
  }

  /** Each hour, spread: whoever runs the feed has many who ask. */
  #wait(ms: number): void {
    if (this.#stop.signal.aborted) return;
    const look = (): void => {
      const again = (whole: boolean): void => this.#wait((whole ? hourMs : minuteMs) * (0.9 + this.#options.chance() * 0.2));
      this.#look().then(again, () => again(true));
    };
    this.#timer = setTimeout(look, ms).unref();
  }

  /** False when not all was looked at. */
  async #look(): Promise<boolean> {
    const { plan, now, onEvent, records, reachable } = this.#options;
    await reachable;
    if (this.#stop.signal.aborted) return true;
    let whole = true;
    for (const name of this.#names) {
      // What is being ordered now is in the record before it is in ours.
      if ((await records.get(orderRecord(name))) !== null) {
        whole = false;
        continue;
      }
      try {
        for (const each of await this.#read(plan.feed ?? '', name)) {
          const ends = Date.parse(`${each.not_after.replace(/Z$/, '')}Z`);
          const names = each.name_value.split('\n');
          if (!(ends > now()) || !names.some((one) => covers(one, name))) continue;
          await this.seen(name, plainSerial(each.serial_number), each.issuer_name);
        }
      } catch (error) {
        if (this.#stop.signal.aborted) return true;
        if (!(error instanceof SallyportError)) throw error;
        const message = `The feed of certificates was not read for ${name}: ${error.message}`;
        onEvent({ event: 'error', code: error.code, message, hint: 'It is read again in an hour.' });
      }
    }
    return whole;
  }

  async #read(url: string, name: string): Promise<z.infer<typeof feed>> {
    const at = url.replaceAll('{name}', encodeURIComponent(name.replace(/^\*\./, '')));
    const { status, body } = await this.#options.https.ask('GET', at);
    if (status !== 200) throw new SallyportError('authority-unreachable', `it answers with ${status}.`);
    return readJson(feed, at, body);
  }

  async #isOurs(name: string, serial: string): Promise<boolean> {
    const { plan, records } = this.#options;
    if (plan.known.includes(serial)) return true;
    const kept = await findCertificate(records, name);
    return kept?.serials.includes(serial) ?? false;
  }

  /** Once for each certificate, over restarts too. */
  async #tell(foreign: Foreign): Promise<void> {
    const { records, onForeign, onEvent, now, plan } = this.#options;
    const key = `acme-foreign/${foreign.serial}`;
    if ((await records.get(key)) !== null) return;
    const issuer = foreign.issuer.replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, 200);
    onEvent({
      event: 'error',
      code: 'certificate-foreign',
      message: `There is a certificate for ${foreign.name} that this gateway did not order: number ${foreign.serial}, issued by ${issuer}.${plan.watch === 'close' ? ' The service is closed.' : ''}`,
      hint: `Revoke it, and let only this account issue: sallyport doctor prints the CAA record. If it is yours: acme: { known: ['${foreign.serial}'] }`,
    });
    await onForeign(foreign);
    await records.put(key, { name: foreign.name, issuer: foreign.issuer.slice(0, 1_000), at: now() }, { ttlMs: saidMs });
  }
}

/** Small hex letters without leading zeros. */
export function plainSerial(text: string): string {
  return (
    text
      .replaceAll(/[^0-9a-fA-F]/g, '')
      .toLowerCase()
      .replace(/^0+(?=.)/, '')
      .slice(0, 40) || '0'
  );
}

/** Whether a name of a certificate stands for ours: itself, or by its star. */
function covers(written: string, name: string): boolean {
  const lower = written.trim().toLowerCase();
  return lower === name || (lower.startsWith('*.') && lower.slice(1) === name.slice(name.indexOf('.')));
}
