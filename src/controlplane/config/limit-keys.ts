/** `limits:` of a service: how long a body, how many connections, how often one visitor. */

import { z } from 'zod';
import type { Limits } from '../../core/limits.ts';
import type { Quota } from '../../core/policy/allowance.ts';
import { formed } from './pieces.ts';

/** What one service says in place of the gateway's limits; null for what it leaves to them. */
export type ServiceLimits = Readonly<{
  bodyBytes: number | null;
  connections: number | null;
  requests: Quota | null;
}>;

const unitBytes: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** `10MB`, `512KiB`, `0`. Null for anything else. */
export function readBytes(text: string): number | null {
  const [, digits = '', unit = ''] = /^(\d{1,15}) ?([KMGT]i?B|B|)$/.exec(text) ?? [];
  const each = unitBytes[unit];
  const bytes = digits === '' || each === undefined ? Number.NaN : Number(digits) * each;
  return Number.isSafeInteger(bytes) ? bytes : null;
}

const periodMs: Readonly<Record<string, number>> = { s: 1_000, min: 60_000, h: 3_600_000, day: 86_400_000 };

/** `120/min`. Null for anything else. */
export function readQuota(text: string): Quota | null {
  const [, digits = '', period = ''] = /^(\d{1,7})\/(s|min|h|day)$/.exec(text) ?? [];
  const [count, perMs] = [Number(digits), periodMs[period]];
  return perMs === undefined || count < 1 || count > 1_000_000 ? null : { count, perMs };
}

const bytesExpected = 'a size like 10MB, 512KiB or 0';
const quotaExpected = 'a rate like 120/min, 5/s, 1000/h or 10000/day';
const countExpected = 'a number from 1 to 100000';

/** `limits:` of a service. */
export function serviceLimitsKey() {
  const body = z
    .union([z.int().min(0).max(Number.MAX_SAFE_INTEGER), formed(readBytes, bytesExpected)], { error: bytesExpected })
    .optional()
    .describe('The longest body of a request, like 10MB: what is longer sees 413.');
  const connections = z
    .int({ error: countExpected })
    .min(1, countExpected)
    .max(100_000, countExpected)
    .optional()
    .describe('Connections to the service at once, of all visitors: whoever comes beyond them sees 503.');
  const requests = formed(readQuota, quotaExpected)
    .optional()
    .describe('How often one visitor may ask, like 120/min, and as often at once: beyond it they see 429.');
  return z
    .strictObject({ body, connections, requests }, { error: 'limits like { body: 10MB, connections: 20, requests: 120/min }' })
    .optional()
    .describe('Limits of this service, in place of those of the gateway.');
}

type Checked = z.output<ReturnType<typeof serviceLimitsKey>>;

/** Nothing where nothing is said. */
export function settleServiceLimits(file: Checked): Readonly<{ limits?: ServiceLimits }> {
  const { body = null, connections = null, requests = null } = file ?? {};
  if (body === null && connections === null && requests === null) return {};
  return { limits: Object.freeze({ bodyBytes: body, connections, requests }) };
}

/** What cannot stand beside what is no HTTP, or dials nothing. */
export function serviceLimitsProblem(limits: Checked, kind: string): string | null {
  if (limits?.body !== undefined && (kind === 'tls' || kind === 'tcp' || kind === 'port'))
    return 'found body beside a service that is no HTTP, expected connections and requests only';
  if (limits?.connections !== undefined && kind === 'folder')
    return 'found connections beside dir, expected body and requests only: there is nothing to connect to';
  return null;
}

/** The limits of the gateway with those of one service in their place. */
export function limitsOf(limits: Limits, own: ServiceLimits | undefined): Limits {
  return {
    ...limits,
    bodyBytesMax: own?.bodyBytes ?? limits.bodyBytesMax,
    upstreamsPerServiceMax: own?.connections ?? limits.upstreamsPerServiceMax,
  };
}
