/** The operator's desk: a relay's store and what its running process says, for one piece of work. */

import { callControl } from '../controlplane/api/call.ts';
import { readRelayStatus, type LiveGatewayFacts, type RelayStatus } from '../controlplane/api/relay-status.ts';
import { listBlocks, type Block } from '../controlplane/enrolment/blocks.ts';
import { keysOf, type OwnedName } from '../controlplane/enrolment/names.ts';
import type { OwnName } from '../controlplane/enrolment/own-names.ts';
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
  const relays = await runningRelays(cli);
  return relays.length === 0 ? null : relays.flatMap(({ relay }) => relay.gateways);
}

async function runningRelays(cli: Cli): Promise<readonly RelayStatus[]> {
  const answers = await callControl(await cli.home(), 'status', {});
  return answers.map((each) => (each.is === 'answer' ? readRelayStatus(each.answer) : null)).filter((each) => each !== null);
}

/** `blog` of `blog` or `blog.example.org`. */
export function labelIn(text: string, domain: string): string {
  const lower = text.toLowerCase();
  return lower.endsWith(`.${domain}`) ? lower.slice(0, -domain.length - 1) : lower;
}

export type Scene = Readonly<{
  live: readonly LiveGatewayFacts[] | null;
  /** Visitors of today, by the label of the name. */
  visitors: NonNullable<RelayStatus['relay']['visitors']>;
  blocks: readonly Block[];
}>;

export async function sceneOf(cli: Cli, store: Store): Promise<Scene> {
  const relays = await runningRelays(cli);
  return {
    live: relays.length === 0 ? null : relays.flatMap(({ relay }) => relay.gateways),
    visitors: relays.flatMap(({ relay }) => relay.visitors ?? []),
    blocks: await listBlocks(store),
  };
}

export function nameEvent(
  { name, grant }: OwnedName,
  domain: string,
  { live, visitors, blocks }: Scene,
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
    ...visitorsOf(name, bounds?.visitorsPerDay ?? null, { live, visitors }),
    ...sharedBy(full, grant, live),
    blocked: blocks.find(({ kind, what }) => kind === 'name' && what === name)?.why ?? null,
    change,
  };
}

/** `own` null: nobody has it any more. */
export function ownNameEvent(
  { name, own }: Readonly<{ name: string; own: OwnName | null }>,
  { live, blocks }: Pick<Scene, 'live' | 'blocks'>,
  change: NameEvent['change'] = null,
): NameEvent {
  const holds = (held: string): boolean => held === name || held === `*.${name}`;
  return {
    event: 'name',
    name,
    owner: own?.owner ?? null,
    since: instant(own?.since ?? null),
    released: instant(own?.released ?? null),
    expires: null,
    held: live === null ? null : live.some(({ names }) => names.some(holds)),
    names: null,
    ports: null,
    maxStreams: null,
    bytesPerSecond: null,
    ...(own === null ? {} : { proof: { at: instant(own.proved) ?? '', failing: instant(own.failing) } }),
    blocked: blocks.find(({ kind, what }) => kind === 'name' && what === name)?.why ?? null,
    change,
  };
}

function visitorsOf(label: string, most: number | null, { live, visitors }: Pick<Scene, 'live' | 'visitors'>): Pick<NameEvent, 'visitors'> {
  if (most === null) return {};
  const count = visitors.find(({ name }) => name === label);
  const none = live === null ? null : 0;
  return { visitors: { most, today: count?.today ?? none, refused: count?.refused ?? none } };
}

function sharedBy(full: string, grant: OwnedName['grant'], live: Scene['live']): Pick<NameEvent, 'shared'> {
  if (grant === null || grant.share === 'alone') return {};
  const serving = live?.filter(({ names, standsBy = [] }) => names.includes(full) && !standsBy.includes(full));
  return { shared: { how: grant.share, keys: keysOf(grant), serves: serving?.map(({ fingerprint }) => fingerprint) ?? null } };
}

export function gatewayEvent(fingerprint: string, owned: readonly OwnedName[], { live, blocks }: Scene): GatewayEvent {
  const here = live?.filter((each) => each.fingerprint === fingerprint) ?? [];
  const [first] = here;
  const standsBy = here.flatMap((each) => each.standsBy ?? []);
  return {
    event: 'gateway',
    fingerprint,
    names: owned
      .filter(({ grant }) => grant !== null && grant.released === null && keysOf(grant).includes(fingerprint))
      .map(({ name }) => name),
    live:
      first === undefined
        ? null
        : {
            from: first.from,
            since: first.since,
            holds: here.flatMap(({ names }) => names),
            ...(standsBy.length === 0 ? {} : { standsBy }),
            streams: here.reduce((sum, { streams }) => sum + streams, 0),
            roundTripMs: first.roundTripMs,
          },
    blocked: blocks.find(({ kind, what }) => kind === 'gateway' && what === fingerprint)?.why ?? null,
  };
}
