/**
 * Browsers that somebody signed in with before ("device cookies", OWASP): they are not held up by what strangers guess, and
 * have a count of their own.
 */

import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Store } from '../../../contracts/store.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { readDeviceCookie, writeDeviceCookie } from '../../../core/policy/session-cookie.ts';

const keyRecord = 'door/device-key';
const keyBytes = 32;
const nonceBytes = 16;

export type DeviceTools = Readonly<{ store: Pick<Store, 'records'>; randomBytes: (count: number) => Uint8Array; limits: Limits }>;

export class Devices {
  readonly #tools: DeviceTools;
  /** The key outlives the process: it stands in the store. Null until it was needed, and after a failure. */
  #key: Promise<Uint8Array> | null = null;

  constructor(tools: DeviceTools) {
    this.#tools = tools;
  }

  /**
   * The browser's own number, if its mark was made for this user at this host with the password that they have now: a new
   * password makes all browsers strangers. Null as well while the store is away.
   */
  async known(exchange: Exchange, name: string, revision: number): Promise<string | null> {
    const mark = readDeviceCookie(exchange);
    if (mark === null) return null;
    const [nonce = '', mac = ''] = mark.split('.');
    const wanted = await this.#mac(exchange.host, name, revision, nonce);
    const given = Buffer.from(mac, 'base64url');
    return wanted !== null && given.length === wanted.length && timingSafeEqual(wanted, given) ? nonce : null;
  }

  /** For the answer to a login; null where it cannot be made, which makes the browser a stranger next time. */
  async mark(exchange: Exchange, name: string, revision: number): Promise<readonly [string, string] | null> {
    const nonce = Buffer.from(this.#tools.randomBytes(nonceBytes)).toString('base64url');
    const mac = await this.#mac(exchange.host, name, revision, nonce);
    return mac === null ? null : writeDeviceCookie(`${nonce}.${mac.toString('base64url')}`, this.#tools.limits.deviceMs / 1000);
  }

  async #mac(host: string, name: string, revision: number, nonce: string): Promise<Buffer | null> {
    this.#key ??= this.#open();
    try {
      return createHmac('sha256', await this.#key)
        .update(`${host}\0${name}\0${revision}\0${nonce}`)
        .digest();
    } catch {
      this.#key = null;
      return null;
    }
  }

  /** The one key of all gateways of the store: whoever comes first makes it. */
  async #open(): Promise<Uint8Array> {
    const { records } = this.#tools.store;
    const fresh = Buffer.from(this.#tools.randomBytes(keyBytes)).toString('base64url');
    const made = await records.put(keyRecord, fresh, { ifVersion: 0 }).catch(() => records.get(keyRecord));
    if (typeof made?.value !== 'string') throw new TypeError('the key of devices is no text');
    const key = Buffer.from(made.value, 'base64url');
    if (key.length !== keyBytes) throw new TypeError('the key of devices has another length');
    return key;
  }
}
