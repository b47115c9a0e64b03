/** Asks an issuer whether a token still stands (RFC 7662). */

import type { Claims, IssuerPlan } from '../../../contracts/issuers.ts';
import type { Tools } from '../../../contracts/tools.ts';
import { SallyportError } from '../../../core/errors.ts';

export type Introspect = Readonly<{ client: string; secret: string; at?: string | undefined }>;

export type Asked =
  | Readonly<{ is: 'active'; claims: Claims }>
  | Readonly<{ is: 'inactive' }>
  /** Nobody is let in by what could not be asked. */
  | Readonly<{ is: 'away'; why: string }>;

const away = (why: string): Asked => ({ is: 'away', why });

/** Never throws for what the issuer does. The secret leaves by this request and no other. */
export async function introspect(token: string, how: Introspect, plan: IssuerPlan, tools: Tools): Promise<Asked> {
  const secret = tools.secret(how.secret);
  if (secret === null || secret.length === 0) return away('the secret for the issuer is gone');
  const url = how.at ?? (await tools.issuers.metadata(plan))?.introspection ?? null;
  if (url === null) return away('the issuer does not say where it is asked about tokens');
  try {
    const { status, body } = await tools.outgoing.ask({
      method: 'POST',
      url,
      fields: {
        Accept: 'application/json',
        'Content-Type': 'application/x-www-form-urlencoded',
        Authorization: `Basic ${Buffer.from(`${formEncoded(how.client)}:${formEncoded(Buffer.from(secret).toString('utf8'))}`).toString('base64')}`,
      },
      body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
      ca: plan.ca,
    });
    if (status !== 200) return away(`the issuer answers with ${status} when it is asked about a token`);
    return read(JSON.parse(body));
  } catch (error) {
    return away(error instanceof SallyportError ? 'the issuer cannot be asked about a token' : 'the issuer answers nonsense');
  }
}

/** `active` is true or the token is none: a text "true" is no yes. */
function read(said: unknown): Asked {
  if (typeof said !== 'object' || said === null || Array.isArray(said)) return away('the issuer answers nonsense');
  const claims: Claims = { ...said };
  return claims['active'] === true ? { is: 'active', claims } : { is: 'inactive' };
}

/** RFC 6749, 2.3.1: name and secret are form-encoded before they are put together. */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
