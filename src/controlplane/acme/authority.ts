/** The conversation with one certificate authority (RFC 8555): nonces, signatures, and what it refuses. */

import { SallyportError } from '../../core/errors.ts';
import { malformed, type CaAnswer, type CaHttps } from './https.ts';
import type { AccountKey } from './jws.ts';
import {
  authorization,
  directory,
  order,
  problem,
  readJson,
  readReply,
  renewalInfo,
  retryAfterMs,
  wordsOf,
  type Authorization,
  type Directory,
  type Order,
} from './replies.ts';

/** The nonces that one run of requests leaves over: of more the oldest are useless (RFC 8555, 6.5.1). */
const noncesMax = 8;
/** pebble refuses some nonces on purpose, Let's Encrypt where its servers do not agree. */
const nonceTriesMax = 10;
const chainCharsMax = 65_536;

/** The CA said no. `type` is the last word of its urn, like `rateLimited`. */
export class AuthorityRefusal extends SallyportError {
  readonly type: string;
  /** How long it wants to be left alone; null when it does not say. */
  readonly retryAfterMs: number | null;

  constructor(type: string, message: string, retryMs: number | null) {
    super('certificate-refused', message);
    this.type = type;
    this.retryAfterMs = retryMs;
  }
}

export type AuthorityOptions = Readonly<{ directoryUrl: string; https: CaHttps; key: AccountKey; now: () => number }>;

/** An answer with what comes beside it: `retryMs` is how long the CA wants us to wait. */
export type Told<Value> = Readonly<{ value: Value; url: string; retryMs: number | null }>;

/** Errors of every method: `authority-unreachable`, `authority-malformed`, `certificate-refused` (AuthorityRefusal). */
export class Authority {
  readonly #options: AuthorityOptions;
  readonly #nonces: string[] = [];
  #directory: Promise<Directory> | null = null;
  #account: string | null = null;

  constructor(options: AuthorityOptions) {
    this.#options = options;
  }

  get key(): AccountKey {
    return this.#options.key;
  }

  /** What this CA offers; asked for once. */
  directory(): Promise<Directory> {
    const { https, directoryUrl } = this.#options;
    this.#directory ??= readDirectory(https, directoryUrl).then((told) => told.directory);
    // The next one asks again.
    this.#directory.catch(() => (this.#directory = null));
    return this.#directory;
  }

  /** Speaks as this account from now on. */
  useAccount(url: string): void {
    this.#account = url;
  }

  /** Makes the account of our key, or finds the one there is (RFC 8555, 7.3.1): never a second one. Its URL. */
  async register(contact: readonly string[]): Promise<string> {
    const { newAccount } = await this.directory();
    const answer = await this.#post(newAccount, { termsOfServiceAgreed: true, contact }, null);
    return (this.#account = locationOf(newAccount, answer));
  }

  /** `replaces` is the identifier of the certificate that this one follows (RFC 9773, 5). */
  async order(name: string, extras: Readonly<{ profile: string | null; replaces: string | null }>): Promise<Told<Order>> {
    const { newOrder } = await this.directory();
    const answer = await this.#post(newOrder, {
      identifiers: [{ type: 'dns', value: name }],
      ...(extras.profile === null ? {} : { profile: extras.profile }),
      ...(extras.replaces === null ? {} : { replaces: extras.replaces }),
    });
    return this.#told(locationOf(newOrder, answer), readReply(order, newOrder, answer), answer);
  }

  async readOrder(url: string): Promise<Told<Order>> {
    const answer = await this.#post(url, null);
    return this.#told(url, readReply(order, url, answer), answer);
  }

  async readAuthorization(url: string): Promise<Told<Authorization>> {
    const answer = await this.#post(url, null);
    return this.#told(url, readReply(authorization, url, answer), answer);
  }

  /** Tells the CA that the answer is there. */
  async ready(challengeUrl: string): Promise<void> {
    await this.#post(challengeUrl, {});
  }

  /** `csr` is DER in base64url. */
  async finalize(url: string, csr: string): Promise<void> {
    await this.#post(url, { csr });
  }

  /** The chain as PEM: the own certificate first. Unchecked. */
  async certificate(url: string): Promise<string> {
    const { type, body } = await this.#post(url, null);
    if (type !== 'application/pem-certificate-chain') throw malformed(url, 'another content type where a certificate should be');
    if (body.length > chainCharsMax) throw malformed(url, 'its chain of certificates is too long');
    return body;
  }

  /** When a certificate is best renewed; null where the CA does not say. It is asked without a signature (RFC 9773, 4.1). */
  async renewalInfo(id: string): Promise<Told<Readonly<{ start: number; end: number }>> | null> {
    const { renewalInfo: base } = await this.directory();
    if (base === undefined) return null;
    const url = `${base.replace(/\/$/, '')}/${id}`;
    const answer = await this.#options.https.ask('GET', url);
    if (answer.status !== 200) throw this.#refusal(url, answer);
    const { start, end } = readReply(renewalInfo, url, answer).suggestedWindow;
    if (end <= start) throw malformed(url, 'its window for a renewal ends before it begins');
    return this.#told(url, { start, end }, answer);
  }

  #told<Value>(url: string, value: Value, answer: CaAnswer): Told<Value> {
    return { value, url, retryMs: retryAfterMs(answer.retryAfter, this.#options.now()) };
  }

  async #post(url: string, payload: unknown, account: string | null = this.#account): Promise<CaAnswer> {
    const { https, key } = this.#options;
    for (let tries = 1; ; tries += 1) {
      const signed = await key.sign({ url, nonce: await this.#nonce(), account }, payload);
      const answer = await https.ask('POST', url, JSON.stringify(signed));
      this.#keep(answer);
      if (answer.status >= 200 && answer.status < 300) return answer;
      const refusal = this.#refusal(url, answer);
      if (!(refusal instanceof AuthorityRefusal) || refusal.type !== 'badNonce' || tries >= nonceTriesMax) throw refusal;
    }
  }

  #refusal(url: string, { status, type, body, retryAfter }: CaAnswer): SallyportError {
    if (status >= 300 && status < 400) return malformed(url, 'it redirects');
    if (type !== 'application/problem+json') return malformed(url, `status ${status} without a reason`);
    const said = readJson(problem, url, body);
    const kind = said.type.split(':').at(-1) ?? '';
    const host = URL.parse(url)?.host ?? url;
    return new AuthorityRefusal(kind, `${host} refuses: ${wordsOf(said)}`, retryAfterMs(retryAfter, this.#options.now()));
  }

  async #nonce(): Promise<string> {
    const kept = this.#nonces.pop();
    if (kept !== undefined) return kept;
    const { newNonce } = await this.directory();
    const answer = await this.#options.https.ask('HEAD', newNonce);
    this.#keep(answer);
    const fresh = this.#nonces.pop();
    if (fresh === undefined) throw malformed(newNonce, 'it gives no nonce');
    return fresh;
  }

  /** RFC 8555, 6.5.1: base64url, anything else is to be ignored. */
  #keep({ nonce }: CaAnswer): void {
    if (nonce === null || !/^[A-Za-z0-9_-]{1,512}$/.test(nonce)) return;
    this.#nonces.push(nonce);
    if (this.#nonces.length > noncesMax) this.#nonces.shift();
  }
}

/** What a CA offers, and what its clock says. Errors: `authority-unreachable`, `authority-malformed`. */
export async function readDirectory(https: CaHttps, url: string): Promise<Readonly<{ directory: Directory; date: string | null }>> {
  const answer = await https.ask('GET', url);
  if (answer.status !== 200) throw malformed(url, `its directory is answered with ${answer.status}`);
  return { directory: readReply(directory, url, answer), date: answer.date };
}

function locationOf(asked: string, { location }: CaAnswer): string {
  if (location === null || !location.startsWith('https://') || location.length > 2_048) throw malformed(asked, 'it names no Location');
  return location;
}
