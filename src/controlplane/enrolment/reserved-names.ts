/** Labels below a relay's domain that stand for something else by custom, each with the reason why nobody is simply given it. */

const operator = 'visitors take it for the relay’s operator';
const mail = 'mail programs and mail servers look for it by themselves';
const network = 'machines look for it by themselves, and believe what they find';

const reasons: ReadonlyMap<string, string> = new Map(
  (
    [
      // RFC 2142 and what a stranger believes at once.
      [
        operator,
        'admin administrator root www abuse security support postmaster hostmaster webmaster login account accounts relay sallyport',
      ],
      // RFC 6186, RFC 8461 (mta-sts), and what Outlook and Thunderbird ask for.
      [mail, 'mail email smtp imap pop pop3 mx webmail autodiscover autoconfig mta-sts openpgpkey'],
      // Proxies found by WPAD, tunnels by ISATAP, names of RFC 6761.
      [network, 'wpad isatap localhost broadcasthost local ns ns1 ns2 ns3 ns4 dns ftp'],
    ] as const
  ).flatMap(([reason, labels]) => labels.split(' ').map((label) => [label, reason] as const)),
);

/** Why this label is reserved; null when it is not. */
export function reservedFor(label: string): string | null {
  // RFC 5890, 2.3.1: what the third and fourth hyphen announce is shown as other letters, alike to anything.
  if (label.slice(2, 4) === '--') return 'browsers show it in other letters, which may look like another name';
  return reasons.get(label) ?? null;
}
