/** The flags of commands that share something. */

import type { Command } from 'commander';
import type { ShareRequest } from './share-request.ts';
import { checkedFor, checkedNetworks, checkedWebhook, shareFor } from './share-request.ts';

export type ShareOptions = Readonly<{
  name?: string;
  password?: readonly string[];
  link?: boolean;
  key?: readonly string[];
  public?: boolean;
  allow?: readonly string[];
  for: string;
  lan?: boolean;
  relay?: string;
  firewall: boolean;
  at?: string;
}>;

/** Adds the flags that `http`, `dir` and `tcp` have in common; the firewall is for the web only. */
export function withShareOptions(command: Command, { web = true }: Readonly<{ web?: boolean }> = {}): Command {
  const shared = command
    .option('--name <name>', 'what it is called, also in its address')
    .option('--at <host>', 'the public name it answers to, when it is not NAME.RELAY')
    .option('--password <user>', 'let this user in with a password: asks for it, or reads SALLYPORT_PASSWORD', gathered)
    .option('--link', 'make a secret link besides a password (the default when nothing else is said)')
    .option('--key <name>', 'let programs in that show this API key: sallyport keys add NAME', gathered)
    .option('--allow <network>', 'only from this address or network, like 192.0.2.0/24', gathered)
    .option('--public', 'let everyone in')
    .option('--for <time>', 'how long it stays open: 30m, 2h, 7d, never', shareFor)
    .option('--lan', 'reachable on this network, at this machine’s own address')
    .option('--relay <host>', 'at this relay, after sallyport join');
  return web ? shared.option('--no-firewall', 'let paths through that only break-in scanners ask for') : shared;
}

/** For options that may be said several times. */
export function gathered(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** What the flags of a share say; where it leads is added by each command. */
export function requestFrom(options: ShareOptions, webhook: string | undefined): Pick<ShareRequest, 'access' | 'firewall' | 'for' | 'at'> {
  return {
    at: options.at === undefined ? [] : [options.at],
    access: {
      isPublic: options.public === true,
      link: options.link === true,
      users: options.password ?? [],
      keys: options.key ?? [],
      allow: checkedNetworks(options.allow ?? []),
      webhook: webhook === undefined ? null : checkedWebhook(webhook),
    },
    firewall: options.firewall ? 'on' : 'off',
    for: checkedFor(options.for),
  };
}
