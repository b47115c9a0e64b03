/** Client certificates: what `sallyport clients certificate` says to scripts, and in words. */

import { localTime } from './local-time.ts';

/** `files` once, when it was made here; `key` is nowhere else. `revoked`: when it was taken back. */
export type ClientCertificateEvent = Readonly<{
  event: 'client-certificate';
  name: string;
  fingerprint: string;
  roles: readonly string[];
  made: string;
  expires: string;
  revoked: string | null;
  files: Readonly<{ certificate: string; key: string }> | null;
  change: 'added' | 'revoked' | null;
}>;

export function clientCertificateWords({ name, fingerprint, roles, expires, revoked, files, change }: ClientCertificateEvent): string {
  switch (change) {
    case 'added': {
      const { certificate = '', key = '' } = files ?? {};
      return [
        `The certificate of ${name} is in ${certificate}, until ${localTime(expires)}. Its key is in ${key}, and nowhere else.`,
        `  ${fingerprint}`,
        `For a browser or a phone: openssl pkcs12 -export -in ${certificate} -inkey ${key} -out ${certificate.replace(/\.crt$/, '.p12')}`,
      ].join('\n');
    }
    case 'revoked':
      return `The certificate ${fingerprint.slice(0, 16)}… of ${name} opens nothing any more, and what it ran has ended.`;
    case null: {
      const ends = revoked === null ? `until ${localTime(expires)}` : `revoked ${localTime(revoked)}`;
      return [name, `${fingerprint.slice(0, 16)}…`, roles.join(', '), ends].filter((text) => text !== '').join('  ');
    }
    default:
      return change satisfies never;
  }
}
