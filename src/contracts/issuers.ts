/** Those who issue tokens: what they say of themselves, their keys, and what a token of theirs is worth. */

/** How an issuer is known. */
export type IssuerPlan = Readonly<{
  /** Its identifier, an https URL: `iss` of its tokens, compared by the letter. */
  issuer: string;
  /** Where its keys are; null: where its metadata says. Never where a token says. */
  keys: string | null;
  /** PEM; trusted in place of the system's list for what is asked of it. Null: the list. */
  ca: string | null;
}>;

export type Claims = Readonly<Record<string, unknown>>;

export type TokenRules = Readonly<{
  /** `aud` has to hold one of them. */
  audiences: readonly string[];
  /** What `typ` may be, in small letters without `application/`; the empty text stands for none. */
  types: readonly string[];
  /** Claims that must be there beside `iss`, `aud` and `exp`. */
  required: readonly string[];
}>;

export type TokenFound =
  | Readonly<{ is: 'good'; claims: Claims; /** Milliseconds since 1970. */ expires: number }>
  | Readonly<{ is: 'wrong' | 'expired' | 'away'; why: string }>;

/** Of RFC 8414 and OpenID Connect Discovery 1.0, as much as is read here; all of it https. */
export type IssuerMetadata = Readonly<{ keys: string | null; introspection: string | null }>;

/** Keys and metadata are kept for a bounded time, and shared by all services and configurations. Only `trust` throws. */
export interface Issuers {
  /** Verifies a signed JWT (RFC 7519, 8725). `away`: the issuer's keys cannot be had, which nobody is let in by. */
  verify(token: string, plan: IssuerPlan, rules: TokenRules): Promise<TokenFound>;
  /** Null when it cannot be had. */
  metadata(plan: IssuerPlan): Promise<IssuerMetadata | null>;
  /**
   * Reads the certificates that a configuration trusts for an issuer; null without a file.
   * Errors: `file-missing`; `config-malformed` for a file without a certificate: it fails closed.
   */
  trust(path: string | undefined): string | null;
}
