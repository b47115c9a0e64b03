/** What `sallyport users totp`, `passkey` and `passkeys` say to scripts. */

export type FactorEvent =
  /** `secret` (base32) and `uri` are shown once, before a code of theirs is asked for. `recovery` codes once, after it. */
  | Readonly<{ event: 'totp'; name: string; change: 'offered'; secret: string; uri: string }>
  | Readonly<{ event: 'totp'; name: string; change: 'added' | 'changed'; recovery: readonly string[] }>
  | Readonly<{ event: 'totp'; name: string; change: 'removed' }>
  /** `url` is shown once: whoever opens it first makes a passkey of that user. */
  | Readonly<{ event: 'invitation'; name: string; service: string; url: string; expires: string; change: 'added' }>
  | Readonly<{
      event: 'passkey';
      name: string;
      id: string;
      host: string;
      label: string | null;
      synced: boolean;
      since: string;
      used: string | null;
      change: 'removed' | null;
    }>;
