/** `clients:` of a gateway: what holds for all clients of its proxies. */

import { z } from 'zod';
import { isZone } from '../../core/policy/match-time.ts';
import { parseDuration } from './duration.ts';
import { readBytes } from './limit-keys.ts';
import { formed } from './pieces.ts';

/** `file` absolute. `version` null: the beginning of the hash of its text. */
export type TermsPlan = Readonly<{ file: string; version: string | null }>;

/** What was agreed, to be shown beside what was measured; null where nothing was. Shares in percent. */
export type AgreedPlan = Readonly<{ uptime: number | null; connectMs: number | null; errors: number | null }>;

export type ClientsPlan = Readonly<{
  bandwidth: number | null;
  zone: string;
  terms: TermsPlan | null;
  agreed: AgreedPlan | null;
  only?: true;
}>;

export const usualClients: ClientsPlan = Object.freeze({ bandwidth: null, zone: 'UTC', terms: null, agreed: null });

const bandwidthMin = 65_536;
const bandwidthExpected = 'bytes a second, 64KiB at least, like 12MB';
const zoneExpected = 'a time zone like Europe/Vienna or UTC';
const percentExpected = 'a number of percent, from 0 to 100';

function readBandwidth(text: string): number | null {
  const bytes = readBytes(text);
  return bytes !== null && bytes >= bandwidthMin ? bytes : null;
}

function readWait(text: string): number | null {
  const ms = /^\d{1,6}ms$/.test(text) ? Number(text.slice(0, -2)) : parseDuration(text);
  return typeof ms === 'number' && ms > 0 ? ms : null;
}

export function clientsKey() {
  const percent = z.number({ error: percentExpected }).min(0, percentExpected).max(100, percentExpected);
  const terms = z.strictObject(
    {
      file: z
        .string({ error: 'the path of a file in Markdown' })
        .min(1)
        .max(4096)
        .describe('The terms, in Markdown. A relative path starts at the folder of this file.'),
      version: z
        .string({ error: 'a version like 2026-11' })
        .regex(/^[\w. -]{1,40}$/, 'a version like 2026-11')
        .optional()
        .describe('What the text is called. Left out: the beginning of its hash. A changed text has to be accepted anew in any case.'),
    },
    { error: 'terms like { file: terms.md, version: "2026-11" }' },
  );
  const agreed = z.strictObject(
    {
      uptime: percent.optional().describe('How much of the time the proxy is there, in percent: 99.5.'),
      connect: formed(readWait, 'a time like 300ms').optional().describe('How long 95 of 100 connections to destinations take at most.'),
      errors: percent.optional().describe('How many of 100 requests may fail by our own fault.'),
    },
    { error: 'what was agreed, like { uptime: 99.5, connect: 300ms, errors: 0.1 }' },
  );
  return z
    .strictObject(
      {
        bandwidth: formed(readBandwidth, bandwidthExpected)
          .optional()
          .describe('Bytes a second of all clients together, shared by their weights. Left out: no such bound.'),
        zone: z
          .string({ error: zoneExpected })
          .refine(isZone, zoneExpected)
          .prefault('UTC')
          .describe('Where the days and months of quotas begin.'),
        terms: terms.optional().describe('Terms that each client accepts before its key opens anything.'),
        only: z
          .boolean({ error: 'true or false' })
          .prefault(false)
          .describe('Whether clients alone are led out. Else who is no client is held by the limits of the gateway alone.'),
        agreed: agreed.optional().describe('What was agreed, shown to clients beside what was measured.'),
      },
      { error: 'what holds for clients, like { bandwidth: 12MB, zone: Europe/Vienna }' },
    )
    .optional()
    .describe('What holds for all clients of the proxies of this gateway.');
}

type Checked = z.output<ReturnType<typeof clientsKey>>;

/** Nothing where nothing is said. */
export function settleClients(file: Checked, absolute: (path: string) => string): Readonly<{ clients?: ClientsPlan }> {
  if (file === undefined) return {};
  const { bandwidth = null, zone, terms, agreed, only } = file;
  return {
    clients: Object.freeze({
      bandwidth,
      zone,
      ...(only ? { only } : {}),
      terms: terms === undefined ? null : { file: absolute(terms.file), version: terms.version ?? null },
      agreed:
        agreed === undefined ? null : { uptime: agreed.uptime ?? null, connectMs: agreed.connect ?? null, errors: agreed.errors ?? null },
    }),
  };
}
