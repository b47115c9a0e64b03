/** How to trust the local CA, and how to stop: what `sallyport ca` says. */

import type { Authority } from './local-ca.ts';

export type TrustWords = Readonly<{ where: string; trust: readonly string[]; remove: readonly string[] }>;

/** What holds whatever the system is. */
export function aboutTrust(authorities: readonly Authority[], path: string): readonly string[] {
  return [
    'This CA exists on this machine only. Nobody has to trust it: without it, browsers warn once and curl needs --cacert.',
    'Never ask visitors to trust it. For them there are public certificates.',
    `Certificates: ${path}`,
    ...authorities.flatMap(({ fingerprint, notAfter, domains }) => [
      `SHA-256 ${colons(fingerprint)}`,
      `  until ${new Date(notAfter).toISOString().slice(0, 10)}; signs only for ${domains.join(', ')} and what lies below them, for loopback and for private addresses`,
    ]),
    'Whoever copies its key from the state directory can pose as these names to those who trust it, and as no others.',
  ];
}

/** `path` is the file with the CA's certificates; each command can be pasted. */
export function trustWords(path: string): readonly TrustWords[] {
  const file = `'${path.replaceAll("'", `'\\''`)}'`;
  return [
    { where: 'curl, once', trust: [`curl --cacert ${file} https://NAME.localhost:PORT/`], remove: [] },
    {
      where: 'Debian, Ubuntu',
      trust: [`sudo cp ${file} /usr/local/share/ca-certificates/sallyport.crt`, 'sudo update-ca-certificates'],
      remove: ['sudo rm /usr/local/share/ca-certificates/sallyport.crt', 'sudo update-ca-certificates --fresh'],
    },
    {
      where: 'Fedora, RHEL, Arch',
      trust: [`sudo trust anchor --store ${file}`],
      remove: [`sudo trust anchor --remove ${file}`],
    },
    {
      where: 'macOS (Safari, Chrome)',
      trust: [`security add-trusted-cert -r trustRoot -p ssl -k ~/Library/Keychains/login.keychain-db ${file}`],
      remove: [`security remove-trusted-cert ${file}`],
    },
    {
      where: 'Windows (Edge, Chrome), this user only',
      trust: [`certutil -user -addstore Root "${path}"`],
      remove: ['certutil -user -delstore Root "Sallyport"'],
    },
    {
      where: 'Chrome, Chromium on Linux',
      trust: [`certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n sallyport -i ${file}`],
      remove: ['certutil -d sql:$HOME/.pki/nssdb -D -n sallyport'],
    },
    {
      where: 'Firefox',
      trust: [`Settings → Privacy & Security → Certificates → View Certificates → Authorities → Import: ${path}, for websites only`],
      remove: ['the same list → "Sallyport local CA …" → Delete or Distrust'],
    },
  ];
}

function colons(hex: string): string {
  return hex.toUpperCase().match(/../g)?.join(':') ?? hex;
}
