/** Runs a relay from a command until it has left: alone, or under a holder that keeps its sockets over an upgrade. */

import type { AuditLog } from '../contracts/sink.ts';
import type { Store } from '../contracts/store.ts';
import type { MachineIdentity } from '../contracts/tunnel.ts';
import { relayVerbs } from '../controlplane/api/relay-status.ts';
import { serveControl } from '../controlplane/api/serve.ts';
import type { ControlVerbs } from '../controlplane/api/verbs.ts';
import { loadIdentity } from '../controlplane/certificates/identity.ts';
import { buildPages } from '../controlplane/config/page-settings.ts';
import { saveRelayCard } from '../controlplane/enrolment/relay-card.ts';
import { resolverAt, systemResolvers } from '../controlplane/enrolment/txt-proof.ts';
import { SallyportError } from '../core/errors.ts';
import { openFileSink } from '../modules/sinks/file.ts';
import { openSqliteStore } from '../modules/stores/sqlite.ts';
import type { Relay } from '../relay.ts';
import { startRelay, type RelayOptions } from '../relay.ts';
import type { HeldBy } from '../relay/held-by.ts';
import { heldBy } from '../relay/held-by.ts';
import type { LeaveReason } from '../relay/messages.ts';
import type { Cli } from './cli.ts';
import { instant } from './event.ts';
import { failureOf } from './failure.ts';
import { edgeEntries } from './edge-entries.ts';
import { ownDoor } from './own-door.ts';
import type { RelayPlan } from './relay-plan.ts';
import { notifyService } from './notify.ts';
import { keeperOfKeys } from './relay-keys.ts';
import type { Reloading } from './relay-reload.ts';
import { followFile, reloadRelay } from './relay-reload.ts';
import { relaySockets } from './relay-sockets.ts';

type Opened = Readonly<{ identity: MachineIdentity; store: Store; audit: AuditLog; closing: (() => Promise<unknown>)[] }>;

/** Resolves when it has left. Errors: those of its words, `home-*`, `store-unavailable`, `address-in-use`, `permission-missing`. */
export async function serveRelay(cli: Cli, planned: () => Promise<RelayPlan>): Promise<void> {
  const held = heldBy(cli.terminal.env);
  try {
    await run(cli, planned, held);
  } catch (error) {
    // The relay before it goes on, and has the last word.
    if (held?.role !== 'successor') throw error;
    const { code, message, hint } = failureOf(error);
    await held.failed({ is: 'failed', code, message, hint });
  }
}

async function run(cli: Cli, planned: () => Promise<RelayPlan>, held: HeldBy | null): Promise<void> {
  const plan = await planned();
  const { terminal } = cli;
  const reporter = cli.reporter();
  // Neither home nor key is read with the rights of root.
  const socketOf = await relaySockets(cli, plan, held);
  const going = new Going(cli, plan, held);
  const own = await ownDoor(plan);
  const { identity, store, audit, closing } = await openAll(cli, plan);
  try {
    const relay = await startRelay({
      identity,
      store,
      listen: plan.listen,
      plain: plan.plain,
      domain: plan.domain,
      limits: plan.limits,
      edge: { entries: await edgeEntries(plan), firewall: plan.firewall },
      ownDomains: ownDomainsOf(plan),
      pages: buildPages(plan.pages ?? undefined, plan.limits).settings,
      audit,
      now: terminal.now,
      owner: null,
      own: own?.door,
      ...socketOf,
      onFault: (error) => warn(cli, error),
    });
    closing.push(() => relay.close());
    own?.attach(relay);
    going.relay = relay;
    await saveRelayCard(store, { domain: plan.domain, address: reachableAddress(plan, relay.addresses) });
    const keepKeys = keeperOfKeys(relay, (await cli.home()).keys);
    await keepKeys();
    const control = await serveControl(
      await cli.home(),
      verbs(relay, {
        plan,
        held,
        since: terminal.now(),
        stop: () => going.stop(),
        reload: () => going.reload?.(),
        leaves: () => going.leaves,
        keepKeys,
      }),
      {
        onFault: (error) => warn(cli, error),
      },
    );
    closing.push(() => control.close());
    const renew = async (next: RelayPlan): Promise<void> => {
      relay.terminate(await edgeEntries(next));
      await own?.renew(next.files);
    };
    closing.push(follow(cli, { planned, going, held, renew }));
    sayListening(cli, relay, plan);
    if (held?.role !== 'successor') reporter.note('Invite a gateway: sallyport relay invite blog');
    held?.listening();
    await notifyService(terminal.env, 'READY=1');
    const cut = await going.gone;
    reporter.say({ event: 'left', pid: process.pid, cut });
  } finally {
    going.release();
    for (const close of closing.toReversed()) await close().catch(() => undefined);
  }
}

function sayListening(cli: Cli, { addresses, plain, fingerprint }: Relay, { domain, terminate }: RelayPlan): void {
  cli.reporter().say({
    event: 'listening',
    addresses,
    ...(plain.length === 0 ? {} : { plain }),
    ...(terminate.length === 0 ? {} : { terminates: terminate.flatMap(({ names }) => names) }),
    fingerprint,
    domain,
    pid: process.pid,
  });
}

type Following = Readonly<{
  planned: () => Promise<RelayPlan>;
  going: Going;
  held: HeldBy | null;
  /** Certificates, and whose TLS ends here. */
  renew: (plan: RelayPlan) => Promise<void>;
}>;

/** From here on the relay does what its file says. Returns how to stop. */
function follow(cli: Cli, { planned, going, held, renew }: Following): () => Promise<void> {
  const reloading: Reloading = {
    planned,
    current: () => going.plan,
    apply: async (next) => {
      await renew(next);
      going.plan = next;
    },
    upgrade: held === null ? null : () => held.upgrade(),
    leaves: () => going.leaves,
  };
  going.reload = () => reloadRelay(cli, reloading);
  const stop = followFile(cli, reloading);
  return async () => stop();
}

/** What a person, a supervisor or the holder asks for: leave once, end at once when it is said again. */
class Going {
  readonly #cli: Cli;
  readonly #held: HeldBy | null;
  readonly #gone = Promise.withResolvers<number>();
  readonly release: () => void;
  relay: Relay | null = null;
  /** What is in force. */
  plan: RelayPlan;
  /** What SIGHUP does where nobody upgrades: file and certificate are read again. */
  reload: (() => Promise<void>) | null = null;
  #asked = false;
  #leaves = false;

  constructor(cli: Cli, plan: RelayPlan, held: HeldBy | null) {
    this.#cli = cli;
    this.plan = plan;
    this.#held = held;
    held?.follow({
      leave: (why) => this.#leave(why),
      end: () => this.#end(),
      stay: (error) => warn(cli, error),
    });
    this.release = cli.terminal.onSignal((signal) => {
      // A terminal and a supervisor may signal all processes: the holder, who knows all of them, says what it means.
      if (held !== null) return;
      if (signal === 'reload') this.reload?.().catch((error: unknown) => warn(cli, error));
      else if (this.#asked) this.#end();
      else this.#leave('stop');
      this.#asked ||= signal === 'end';
    });
  }

  /** Resolves with how many visitors will be cut. */
  get gone(): Promise<number> {
    return this.#gone.promise;
  }

  #leave(why: LeaveReason): void {
    const { relay } = this;
    this.#leaves = true;
    // It has not begun to listen.
    if (relay === null) return this.#gone.resolve(0);
    const ms = why === 'stop' ? this.plan.limits.drainMs : this.plan.drainMs;
    const until = instant(this.#cli.terminal.now() + ms) ?? '';
    relay.drain(ms).then(this.#gone.resolve, this.#gone.reject);
    this.#cli.reporter().say({ event: 'leaving', pid: process.pid, why, visitors: relay.visitors(), until });
  }

  /** Whether it takes nobody any more. */
  get leaves(): boolean {
    return this.#leaves;
  }

  /** As Ctrl-C, but asked for over the control socket. */
  stop(): void {
    if (this.#held === null) this.#leave('stop');
    else this.#held.stop();
  }

  #end(): void {
    this.#gone.resolve(this.relay?.visitors() ?? 0);
  }
}

async function openAll(cli: Cli, { limits }: RelayPlan): Promise<Opened> {
  const { terminal } = cli;
  const home = await cli.home();
  const identity = await loadIdentity(home.keys, 'relay');
  const store = await openSqliteStore({ path: home.store, now: terminal.now });
  try {
    const audit = await openFileSink({
      path: home.exchanges,
      now: terminal.now,
      limits,
      trouble: (error) => (error === null ? undefined : warn(cli, error)),
    });
    return { identity, store, audit, closing: [() => store.close(), () => audit.close()] };
  } catch (error) {
    await store.close();
    throw error;
  }
}

type Running = Readonly<{
  plan: RelayPlan;
  held: HeldBy | null;
  since: number;
  stop: () => void;
  reload: () => Promise<void> | undefined;
  leaves: () => boolean;
  keepKeys: () => Promise<void>;
}>;

function verbs(relay: Relay, { plan, held, since, stop, reload, leaves, keepKeys }: Running): ControlVerbs {
  return {
    ...relayVerbs(relay, { domain: plan.domain, since, stop, refreshed: keepKeys }),
    reload: async () => (await reload(), null),
    upgrade: async () => {
      if (leaves()) throw new SallyportError('process-missing', 'This relay is leaving; the one after it serves.');
      if (held !== null) return { pid: await held.upgrade() };
      throw new SallyportError('successor-failed', 'Nobody holds the sockets of this relay.', {
        hint: 'Start it as `sallyport relay --domain …`, with `relay` as the first word.',
      });
    },
  };
}

function ownDomainsOf({ ownDomains }: RelayPlan): RelayOptions['ownDomains'] {
  if (ownDomains === null) return undefined;
  const { perGateway, servers } = ownDomains;
  return { perGateway, resolvers: servers === null ? systemResolvers() : servers.map((server) => resolverAt(server)) };
}

function warn(cli: Cli, error: unknown): void {
  const { code, message, hint } = failureOf(error);
  cli.reporter().say({ event: 'warning', code, message, hint });
}

/** What stands in invitations: said, or the address itself when it is one, or the domain. */
function reachableAddress({ address, domain }: RelayPlan, addresses: readonly string[]): string {
  if (address !== null) return address;
  const [first = `${domain}:443`] = addresses;
  const port = first.replace(/^.*:/, '');
  return /^(?:0\.0\.0\.0|\[::\]):/.test(first) ? `${domain}:${port}` : first;
}
