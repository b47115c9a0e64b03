/** How the holder of a client certificate is called in logs, doors and revocations. */

const prefix = 'certificate:';

export function certificateSubject(name: string): string {
  return `${prefix}${name}`;
}

/** Null for the subject of somebody else. */
export function certificateHolder(subject: string): string | null {
  return subject.startsWith(prefix) ? subject.slice(prefix.length) : null;
}

/** One certificate and no other, whoever it names: SHA-256 of its DER in hex. */
export function fingerprintMark(fingerprint: string): string {
  return `fingerprint:${fingerprint}`;
}

/** Null for the mark of somebody else. */
export function markedFingerprint(mark: string): string | null {
  return mark.startsWith('fingerprint:') ? mark.slice('fingerprint:'.length) : null;
}

/**
 * By what a client is found, the first that belongs to one: who somebody is, and the certificate that they needed for it. Where
 * nothing but the certificate was shown, the very one says more than its name.
 */
export function clientMarks({ subject, certificate }: Readonly<{ subject: string; certificate?: string }>): readonly string[] {
  if (certificate === undefined) return [subject];
  const mark = fingerprintMark(certificate);
  return certificateHolder(subject) === null ? [subject, mark] : [mark, subject];
}
