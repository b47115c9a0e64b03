/** The limits of a client as options of a command: `--per-month 500GB`, and `none` to take one away. */

import type { Command } from 'commander';
import type { ClientLimits } from '../../contracts/clients.ts';
import { durationExpected, parseDuration } from '../../controlplane/config/duration.ts';
import { readBytes } from '../../controlplane/config/limit-keys.ts';
import { SallyportError } from '../../core/errors.ts';

export type LimitOptions = Readonly<{
  requests?: string;
  connections?: string;
  tunnels?: string;
  bandwidth?: string;
  perDay?: string;
  perMonth?: string;
  tunnelIdle?: string;
  tunnelLife?: string;
  weight?: string;
}>;

/** A rate below would hold one piece of 64 KiB for longer than anybody waits. */
const bandwidthMin = 8_192;

export function withLimits(command: Command): Command {
  return command
    .option('--requests <number>', 'requests a second, and as many at once')
    .option('--connections <number>', 'requests and tunnels at one moment')
    .option('--tunnels <number>', 'tunnels at one moment')
    .option('--bandwidth <size>', 'bytes a second, both ways together: 2MB')
    .option('--per-day <size>', 'bytes of a calendar day: 20GB')
    .option('--per-month <size>', 'bytes of a calendar month: 500GB')
    .option('--tunnel-idle <time>', 'how long a tunnel may be quiet: 5m')
    .option('--tunnel-life <time>', 'how long a tunnel may last: 8h')
    .option('--weight <number>', 'its share of a bandwidth that is shared: 2 gets twice what 1 gets');
}

/** What was said, and nothing else. Errors: `usage-wrong`. */
export function limitsOf(options: LimitOptions): Partial<ClientLimits> {
  const { requests, connections, tunnels, bandwidth, perDay, perMonth, tunnelIdle, tunnelLife, weight } = options;
  return {
    ...(requests === undefined ? {} : { requestsPerSecond: number('--requests', requests, 1, 100_000) }),
    ...(connections === undefined ? {} : { connections: number('--connections', connections, 1, 100_000) }),
    ...(tunnels === undefined ? {} : { tunnels: number('--tunnels', tunnels, 1, 100_000) }),
    ...(bandwidth === undefined ? {} : { bytesPerSecond: size('--bandwidth', bandwidth, bandwidthMin) }),
    ...(perDay === undefined ? {} : { bytesPerDay: size('--per-day', perDay, 1) }),
    ...(perMonth === undefined ? {} : { bytesPerMonth: size('--per-month', perMonth, 1) }),
    ...(tunnelIdle === undefined ? {} : { tunnelIdleMs: time('--tunnel-idle', tunnelIdle) }),
    ...(tunnelLife === undefined ? {} : { tunnelLifeMs: time('--tunnel-life', tunnelLife) }),
    ...(weight === undefined ? {} : { weight: number('--weight', weight, 1, 100) ?? 1 }),
  };
}

function number(option: string, text: string, least: number, most: number): number | null {
  if (text === 'none') return null;
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw wrong(option, text, `a number from ${least} to ${most}, or none`);
}

function size(option: string, text: string, least: number): number | null {
  if (text === 'none') return null;
  const value = readBytes(text);
  if (value !== null && value >= least) return value;
  throw wrong(option, text, least === 1 ? 'a size like 20GB, or none' : `a size of ${least} bytes at least, like 2MB, or none`);
}

function time(option: string, text: string): number | null {
  if (text === 'none') return null;
  const value = parseDuration(text);
  if (typeof value === 'number' && value >= 1_000) return value;
  throw wrong(option, text, `${durationExpected}, a second at least, or none`);
}

function wrong(option: string, text: string, expected: string): SallyportError {
  return new SallyportError('usage-wrong', `${option} ${JSON.stringify(text.slice(0, 40))} is not ${expected}.`);
}
