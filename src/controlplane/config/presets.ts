/** The three presets: who is let in when a service does not say, and what they refuse to do. */

import { SallyportError } from '../../core/errors.ts';
import { isLoopback, parseIp, reachOf } from '../../core/address.ts';
import type { Reach } from '../../core/address.ts';
import type { Access, Config, Listen, ServicePlan } from './plan.ts';

/** What the owner should know; `code` is stable, `noun-participle`. */
export type Warning = Readonly<{ code: string; message: string; hint: string | null }>;

/** How visitors can come in, as the presets ask it. */
export type Ways = Readonly<{
  /** How far the relay's address reaches; null without a relay. */
  relay: Reach | null;
  /** Addresses of this machine's network interfaces: what a wildcard listens on. */
  machine: readonly string[];
}>;

/** As the guard's own schema gives it when nothing is said: every user. */
const password: Access = [[{ guard: 'password', options: { users: 'all' } }]];
const everyone: Access = [[{ guard: 'public', options: {} }]];

/** The access of a service, said or by the preset. */
export function accessOf(service: ServicePlan, config: Config): Access {
  return service.access ?? (config.network === 'trusted' && service.behind.is !== 'egress' ? everyone : password);
}

/** Whether visitors on this machine need no credential. */
export function localIsFree(config: Config): boolean {
  return config.local === null ? config.network !== 'hostile' : config.local === 'free';
}

/** Whether a listener without TLS only sends visitors to the one with it. */
export function plainRedirects(config: Config): boolean {
  return config.network === 'hostile';
}

/**
 * Holds a configuration against its preset.
 * @returns what is dangerous and was asked for all the same
 * Errors: `config-unsafe` for what the preset never does.
 */
export function presetWarnings(config: Config, ways: Ways): readonly Warning[] {
  switch (config.network) {
    case 'trusted':
      return trusted(config, ways);
    case 'shared':
      return config.listen.flatMap((listen) => plainShared(listen, config));
    case 'hostile':
      return hostile(config);
    default:
      return config.network satisfies never;
  }
}

function trusted(config: Config, ways: Ways): readonly Warning[] {
  const free = config.services.filter((service) => service.access === null && service.behind.is !== 'egress').map(({ name }) => name);
  if (free.length === 0) return [];
  const named = free.join(' and ');
  if (ways.relay === 'internet') {
    throw unsafe(
      `network: trusted would open ${named} to the whole Internet through the relay.`,
      'Say access: for each service, or network: hostile.',
    );
  }
  for (const listen of config.listen) {
    const open = publicAddress(listen, ways.machine);
    if (open !== null) {
      throw unsafe(
        `network: trusted would open ${named} to the whole Internet: ${open} is a public address.`,
        `Listen on a private address, or say network: hostile.`,
      );
    }
  }
  const beyond = ways.relay === 'network' || config.listen.some((listen) => !isLoopbackHost(listen.host));
  const message = beyond
    ? `network: trusted: anyone who reaches this machine can do anything with ${named}: read, change and delete whatever it lets its user, without a password.`
    : `network: trusted: every program and every user of this machine can do anything with ${named}, without a password.`;
  return [{ code: 'network-trusted', message, hint: 'network: shared asks others for a password.' }];
}

function plainShared(listen: Listen, config: Config): readonly Warning[] {
  if (listen.scheme === 'https' || isLoopbackHost(listen.host)) return [];
  const where = listenWords(listen);
  if (config.plainHttp === 'refuse') {
    throw unsafe(
      `network: shared would take passwords over plain HTTP at ${where}, where anybody on the way can read them.`,
      `Say ${where.replace('http:', 'https:')}, or plainhttp: allow if it must be.`,
    );
  }
  return [
    {
      code: 'http-plain',
      message: `Passwords can be read on the way: ${where} is plain HTTP.`,
      hint: `Say ${where.replace('http:', 'https:')}.`,
    },
  ];
}

function hostile(config: Config): readonly Warning[] {
  const plain = config.listen.find((listen) => listen.scheme === 'http');
  if (plain !== undefined && !config.listen.some((listen) => listen.scheme === 'https')) {
    throw unsafe(
      `network: hostile serves nothing over plain HTTP, and only ${listenWords(plain)} is listened on.`,
      'Add an https:// address to listen:, or say network: trusted or shared.',
    );
  }
  return [];
}

/** The public address behind a listening address, or null. */
function publicAddress(listen: Listen, machine: readonly string[]): string | null {
  const ip = parseIp(listen.host);
  if (ip === null || reachOf(ip) !== 'internet') return null;
  const wildcard = ip.groups.every((group) => group === 0);
  if (!wildcard) return listen.host;
  return (
    machine.find((address) => {
      const own = parseIp(address);
      return own !== null && reachOf(own) === 'internet';
    }) ?? null
  );
}

export function isLoopbackHost(host: string): boolean {
  const ip = parseIp(host);
  return ip === null ? host === 'localhost' || host.endsWith('.localhost') : isLoopback(ip);
}

/** `https://[::1]:443`. */
function listenWords({ scheme, host, port }: Listen): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function unsafe(message: string, hint: string): SallyportError {
  return new SallyportError('config-unsafe', message, { hint });
}
