/** What the running processes of a home say of themselves. */

import { z } from 'zod';
import { callControl } from '../controlplane/api/call.ts';
import type { GatewayStatus } from '../controlplane/config/running.ts';
import { SallyportError } from '../core/errors.ts';
import type { Cli } from './cli.ts';

const words = z.string().nullable();
const backend = z.object({
  backend: z.string(),
  state: z.enum(['up', 'down']),
  since: z.string(),
  code: words,
  why: words,
  weight: z.number(),
  emergency: z.boolean(),
  live: z.number(),
});
const status: z.ZodType<GatewayStatus> = z.object({
  pid: z.number(),
  since: z.string(),
  services: z.array(
    z.object({
      name: z.string(),
      url: words,
      urls: z.array(z.string()),
      reach: z.enum(['machine', 'network', 'internet']).nullable(),
      state: z.enum(['ready', 'waiting', 'closed', 'expired']),
      upstream: z.string(),
      access: z.string(),
      expires: words,
      live: z.number(),
      risks: z.array(z.string()),
      backends: z.array(backend).exactOptional(),
    }),
  ),
  relays: z.array(
    z.object({
      relay: z.string(),
      state: z.enum(['ready', 'waiting']),
      code: words,
      why: words,
      carriers: z.number(),
      roundTripMs: z.number().nullable(),
      names: z.array(z.string()),
    }),
  ),
});

/** Errors: `process-missing` for a process of another version. */
export function readStatus(answer: unknown, pid: number): GatewayStatus {
  const read = status.safeParse(answer);
  if (read.success) return read.data;
  throw new SallyportError('process-missing', `The process ${pid} is of another version.`, { hint: 'Restart it.' });
}

/** The address of a running service, or null when none of that name runs. */
export async function urlOf(cli: Cli, service: string): Promise<string | null> {
  const answers = await callControl(await cli.home(), 'status', {});
  for (const answer of answers) {
    const found = answer.is === 'answer' ? status.safeParse(answer.answer).data?.services.find(({ name }) => name === service) : undefined;
    if (found !== undefined && found.url !== null) return found.url;
  }
  return null;
}
