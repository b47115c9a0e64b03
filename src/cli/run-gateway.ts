/** Runs a gateway from a command until it is ended: events shown, the control socket served, everything closed in the end. */

import type { Config, ServicePlan } from '../controlplane/config/plan.ts';
import type { GatewayEvent, RunningGateway } from '../controlplane/config/running.ts';
import { hostPort } from '../core/address.ts';
import { SallyportError, type Code } from '../core/errors.ts';
import { limitsWith } from '../core/limits.ts';
import type { GivenSockets } from '../dataplane/given-sockets.ts';
import { startGateway } from '../gateway.ts';
import type { GatewayOptions } from '../gateway.ts';
import type { Cli } from './cli.ts';
import { failureOf } from './failure.ts';
import { notifyService } from './notify.ts';
import { showProgress } from './progress.ts';
import type { Progress } from './progress.ts';
import { closeUnasked } from './serving-user.ts';
import type { Fresh } from './shown-access.ts';
import { shownAccess } from './shown-access.ts';

export type Run = Readonly<{
  config: Config;
  embeddedRelay: GatewayOptions['embeddedRelay'];
  memberships: GatewayOptions['memberships'];
  keepSwitches: boolean;
  /** Secrets that were made for this run. */
  fresh: (service: string) => Fresh;
  /** Whether it ends when nothing of it is open any more: a share, not a configuration. */
  endsWithServices: boolean;
  /** Reads the configuration again; null for a share. */
  reload: (() => Promise<Config>) | null;
  /** Calls back when the configuration's file has changed; returns how to stop. */
  watch: ((changed: () => void) => () => void) | null;
  /** Said when a new configuration is in force. */
  source: string;
  /** Sockets that are bound already; left out where there are none. */
  sockets?: GivenSockets;
}>;

/** What no waiting mends: a share that hears this before it was ever reached ends with it. A configuration goes on trying. */
const finalCodes: ReadonlySet<Code> = new Set<Code>(['name-taken', 'name-refused', 'relay-refused', 'relay-blocked', 'relay-untrusted']);

/** Whether no waiting mends it any more: with several relays when each of them has said so. */
function finality(): (event: Extract<GatewayEvent, { event: 'waiting' }>, relays: number) => boolean {
  const refusing = new Set<string>();
  return ({ code, relay = '' }, relays) => {
    if (finalCodes.has(code)) refusing.add(relay);
    else refusing.delete(relay);
    return refusing.size >= Math.max(1, relay === '' ? 1 : relays);
  };
}

/** Nothing of ours may keep a person waiting who wants to leave. */
const stopMs = 900;

/** What is in force now, and what runs. */
type State = { config: Config; gateway: RunningGateway | null };

/** Resolves when it was ended by its person, over its socket, or by its clock. Errors: those of `startGateway`. */
export async function runGateway(cli: Cli, run: Run): Promise<void> {
  const { terminal } = cli;
  const home = await cli.home();
  const state: State = { config: run.config, gateway: null };
  const ended = Promise.withResolvers<void>();
  const progress = progressOf(cli, run, state);
  const over = new Set<string>();
  let reached = false;
  const isFinal = finality();
  const take = (event: GatewayEvent): void => {
    if (run.endsWithServices && !reached && event.event === 'waiting' && isFinal(event, run.memberships.length)) {
      ended.reject(new SallyportError(event.code, event.why, event.hint === null ? {} : { hint: event.hint }));
      return;
    }
    progress.take(event);
    if (event.event === 'ready') reached = true;
    if (event.event === 'closed' && event.why === 'expired') over.add(event.service);
    if (run.endsWithServices && state.config.services.every(({ name }) => over.has(name))) ended.resolve();
  };
  const reload = (): Promise<void> => reloadInto(state, run, progress);
  /** The old configuration stays, and the mistake is said. */
  const tryReload = (): void => {
    reload().catch((error: unknown) => {
      const { code, message, hint } = failureOf(error);
      take({ event: 'error', code, message: `${message} The old configuration stays.`, hint });
    });
  };
  const hurry = new AbortController();
  let asked = false;
  const release = terminal.onSignal((signal, gently) => {
    if (signal !== 'end' && run.reload !== null) return tryReload();
    // Who says it twice, or at a terminal, does not want to wait.
    if (!gently || asked) hurry.abort();
    asked = true;
    ended.resolve();
  });
  const closing: (() => unknown)[] = [release, () => progress.close()];
  try {
    const starting = startGateway({
      home,
      config: run.config,
      limits: limitsWith(run.config.limits),
      embeddedRelay: run.embeddedRelay,
      memberships: run.memberships,
      keepSwitches: run.keepSwitches,
      verbs: {
        reload: async () => (await reload(), null),
        // The answer goes out first.
        stop: () => (setImmediate(ended.resolve), null),
      },
      onEvent: take,
      bound: (door) => run.sockets?.take(door) ?? null,
    });
    closing.push(async () => (await starting).stop());
    // Who changes their mind while it starts is not kept waiting.
    state.gateway = await Promise.race([starting, ended.promise.then(() => null)]);
    if (state.gateway !== null) await served(cli, run);
    if (run.watch !== null && state.gateway !== null) closing.push(run.watch(tryReload));
    await ended.promise;
    void notifyService(terminal.env, 'STOPPING=1');
    // What a share was for ends with it; a configuration is served by somebody else in a moment.
    const gentle = !run.endsWithServices && !hurry.signal.aborted;
    if (gentle) await state.gateway?.stop({ ms: limitsWith(state.config.limits).drainMs, hurry: hurry.signal });
  } finally {
    await withinMs(stopMs, Promise.allSettled(closing.toReversed().map(async (close) => close())));
  }
}

/** Everything listens: whoever waits for that may hear it. */
async function served(cli: Cli, run: Run): Promise<void> {
  if (run.sockets !== undefined) closeUnasked(cli, run.sockets);
  await notifyService(cli.terminal.env, 'READY=1');
}

function progressOf(cli: Cli, run: Run, state: State): Progress {
  return showProgress({
    terminal: cli.terminal,
    reporter: cli.reporter(),
    services: run.config.services.map((plan) => ({ name: plan.name, behind: behindWords(plan) })),
    forOthers: run.endsWithServices
      ? 'for others: --lan, or join a relay (sallyport join CODE)'
      : 'for others: listen on more than this machine (listen: https://0.0.0.0:8443), or join a relay (sallyport join CODE)',
    isProxy: (service) => state.config.services.find(({ name }) => name === service)?.behind.is === 'egress',
    isRaw: (service) => state.config.services.find(({ name }) => name === service)?.behind.is === 'port',
    access: (service, url) => {
      const plan = state.config.services.find(({ name }) => name === service);
      return plan === undefined ? [] : shownAccess(plan, state.config, url, run.fresh(service));
    },
  });
}

/** The whole of the new configuration, or the old one stays. */
async function reloadInto(state: State, run: Run, progress: Progress): Promise<void> {
  const { config: before, gateway } = state;
  if (run.reload === null || gateway === null)
    throw new SallyportError('usage-wrong', 'This process reads no configuration.', { hint: 'It shares what its command said.' });
  const wanted = await run.reload();
  try {
    // Its events come before it resolves, and tell of the new.
    state.config = wanted;
    await gateway.reconfigure(wanted);
  } catch (error) {
    state.config = before;
    throw error;
  }
  progress.take({ event: 'reloaded', path: run.source });
}

/** `localhost:3000`, or the folder. */
function behindWords({ behind }: ServicePlan): string {
  if (behind.is === 'egress') return 'a proxy';
  if (behind.is === 'redirect') return `redirect to ${behind.to}`;
  if (behind.is === 'respond') return `answer ${behind.status}`;
  if (behind.is === 'folder') return behind.path;
  const kind = behind.is === 'port' ? behind.transport : behind.is;
  const others = 'members' in behind ? (behind.members?.length ?? 1) - 1 : 0;
  const first =
    'socket' in behind && behind.socket !== undefined ? `unix:${behind.socket}` : `${kind}://${hostPort(behind.host, behind.port)}`;
  return others === 0 ? first : `${first} and ${others} more`;
}

async function withinMs(ms: number, work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, ms);
  await Promise.race([work, late.promise]);
  clearTimeout(timer);
}
