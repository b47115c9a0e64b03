/** How the holder of a client certificate is called in logs, doors and revocations. */

const prefix = 'certificate:';

export function certificateSubject(name: string): string {
  return `${prefix}${name}`;
}

/** Null for the subject of somebody else. */
export function certificateHolder(subject: string): string | null {
  return subject.startsWith(prefix) ? subject.slice(prefix.length) : null;
}
