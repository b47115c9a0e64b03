/** The cookie that leads a visitor back to the backend that they had: it says which, opens nothing, and no service sees it. */

import { createHmac } from 'node:crypto';
import { fieldOf, type Field, type Fields } from '../../../core/http/fields.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';

export class WayCookie {
  readonly #secret: string;
  readonly #place: string;
  readonly #secure: string;
  readonly #plain: string;

  /** @param place what the cookie is for: services that share a host have one each */
  constructor(secret: string, place: string) {
    this.#secret = secret;
    this.#place = place;
    this.#plain = `sallyport-way-${this.#mark('').slice(0, 8)}`;
    // RFC 6265bis, 4.1.3.2: over TLS only, for this very host.
    this.#secure = `__Host-${this.#plain}`;
  }

  /** Nobody but who has the secret can tell an address by it, or try addresses out. */
  tokenOf(backend: string): string {
    return this.#mark(backend);
  }

  /** What the visitor shows; null for nothing. Two of the name are none: one of them was planted. */
  read({ http, listener }: Exchange): string | null {
    if (http === null) return null;
    const [value, ...more] = valuesOf(http.fields, listener.scheme === 'https' ? this.#secure : this.#plain);
    return more.length > 0 ? null : (value ?? null);
  }

  write(token: string, { listener }: Exchange): Field {
    const named = listener.scheme === 'https' ? `${this.#secure}=${token}; Path=/; Secure` : `${this.#plain}=${token}; Path=/`;
    return fieldOf('Set-Cookie', `${named}; HttpOnly; SameSite=Lax`);
  }

  #mark(text: string): string {
    return createHmac('sha256', this.#secret).update(`sallyport way 1\0${this.#place}\0${text}`).digest('base64url').slice(0, 22);
  }
}

function valuesOf(fields: Fields, name: string): readonly string[] {
  const values: string[] = [];
  for (const { lower, value } of fields) {
    if (lower !== 'cookie' || !value.includes(name)) continue;
    for (const pair of value.split(';')) {
      const at = pair.indexOf('=');
      if (at !== -1 && pair.slice(0, at).trim() === name) values.push(pair.slice(at + 1).trim());
    }
  }
  return values;
}
