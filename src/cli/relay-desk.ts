/** The operator's desk: a relay's store and what its running process says, for one piece of work. */

import { callControl } from '../controlplane/api/call.ts';
import { readRelayStatus, type LiveGatewayFacts } from '../controlplane/api/relay-status.ts';
import { listBlocks, type Block } from '../controlplane/enrolment/blocks.ts';
import type { OwnedName } from '../controlplane/enrolment/names.ts';
import { readRelayCard } from '../controlplane/enrolment/relay-card.ts';
import type { Store } from '../contracts/store.ts';
import type { Cli } from './cli.ts';
import { instant } from './event.ts';
import { withPeople } from './people.ts';
import type { GatewayEvent, NameEvent } from './relay-event.ts';

export type Desk = Readonly<{ store: Store; domain: string; now: number }>;

/** Errors: `process-missing` when no relay was ever run on this home and `work` cannot do without; those of the store and of `work`. */
export function atDesk<Result>(cli: Cli, work: (desk: Desk) => Promise<Result>, relay: 'needed' | 'or-none' = 'needed'): Promise<Result> {
  return withPeople(cli, async ({ store }) => {
    const { domain } = await readRelayCard(store).catch((error: unknown) => {
      if (relay === 'needed') throw error;
      // Nobody owns anything here, and that is the answer.
      return { domain: '' };
    });
    return work({ store, domain, now: cli.terminal.now() });
  });
}

/** Resolves when what was just written holds in the running relay, too: streams that it ends have ended. */
export async function tellRelay(cli: Cli): Promise<void> {
  for (const answer of await callControl(await cli.home(), 'refresh', {})) {
    if (answer.is === 'error') cli.reporter().say({ event: 'warning', code: answer.code, message: answer.message, hint: answer.hint });
  }
}

/** The gateways that are at a running relay of this home; null when none runs. */
export async function liveGateways(cli: Cli): Promise<readonly LiveGatewayFacts[] | null> {
  const answers = await callControl(await cli.home(), 'status', {});
  const relays = answers.map((each) => (each.is === 'answer' ? readRelayStatus(each.answer) : null)).filter((each) => each !== null);
  return relays.length === 0 ? null : relays.flatMap(({ relay }) => relay.gateways);
}

/** `blog` of `blog` or `blog.example.org`. */
export function labelIn(text: string, domain: string): string {
  const lower = text.toLowerCase();
  return lower.endsWith(`.${domain}`) ? lower.slice(0, -domain.length - 1) : lower;
}

export type Scene = Readonly<{ live: readonly LiveGatewayFacts[] | null; blocks: readonly Block[] }>;

export async function sceneOf(cli: Cli, store: Store): Promise<Scene> {
  return { live: await liveGateways(cli), blocks: await listBlocks(store) };
}

export function nameEvent(
  { name, grant }: OwnedName,
  domain: string,
  { live, blocks }: Scene,
  change: NameEvent['change'] = null,
): NameEvent {
  const bounds = grant?.bounds;
  const full = `${name}.${domain}`;
  return {
    event: 'name',
    name: full,
    owner: grant?.owner ?? null,
    since: instant(grant?.since ?? null),
    released: instant(grant?.released ?? null),
    expires: instant(bounds?.expires ?? null),
    held: live === null ? null : live.some(({ names }) => names.some((each) => each === full || each.endsWith(`.${full}`))),
    names: bounds?.names ?? null,
    ports: bounds?.ports ? `${bounds.ports.from}-${bounds.ports.to}` : null,
    maxStreams: bounds?.streams ?? null,
    bytesPerSecond: bounds?.bytesPerSecond ?? null,
    blocked: blocks.find(({ kind, what }) => kind === 'name' && what === name)?.why ?? null,
    change,
  };
}

export function gatewayEvent(fingerprint: string, owned: readonly OwnedName[], { live, blocks }: Scene): GatewayEvent {
  const here = live?.filter((each) => each.fingerprint === fingerprint) ?? [];
  const [first] = here;
  return {
    event: 'gateway',
    fingerprint,
    names: owned.filter(({ grant }) => grant?.owner === fingerprint && grant.released === null).map(({ name }) => name),
    live:
      first === undefined
        ? null
        : {
            from: first.from,
            since: first.since,
            holds: here.flatMap(({ names }) => names),
            streams: here.reduce((sum, { streams }) => sum + streams, 0),
            roundTripMs: first.roundTripMs,
          },
    blocked: blocks.find(({ kind, what }) => kind === 'gateway' && what === fingerprint)?.why ?? null,
  };
}
