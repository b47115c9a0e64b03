/** The gateway: wires store, people, certificates, doors, relay and the road, and keeps what runs true to the configuration. */

import { randomBytes } from 'node:crypto';
import type { Snapshot } from './contracts/snapshot.ts';
import type { Closable } from './contracts/stream.ts';
import { SallyportError } from './core/errors.ts';
import { serveControl } from './controlplane/api/serve.ts';
import { Readiness } from './controlplane/check/readiness.ts';
import { Sources } from './controlplane/check/sources.ts';
import { compile, type Compiled } from './controlplane/config/compile.ts';
import type { Config } from './controlplane/config/plan.ts';
import { doorsOf } from './controlplane/config/proxy.ts';
import type { GatewayStatus, RunningGateway } from './controlplane/config/running.ts';
import { guardedOtherwise } from './controlplane/config/unread.ts';
import type { Answering } from './controlplane/config/destination-question.ts';
import { Expiry } from './controlplane/expiry.ts';
import type { Place } from './controlplane/places.ts';
import { startCollectors } from './dataplane/collectors.ts';
import { createDeadlines, startDeadlines, steadyNow } from './dataplane/deadlines.ts';
import { Doors } from './dataplane/doors.ts';
import { Engine } from './dataplane/engine.ts';
import { createHttpDate } from './dataplane/http-date.ts';
import { createIds } from './dataplane/ids.ts';
import { createSplice } from './dataplane/splice.ts';
import { assemble, type GatewayOptions, type Parts } from './gateway/assemble.ts';
import { controlVerbs } from './gateway/control.ts';
import { drained, type Grace } from './gateway/drained.ts';
import { assertService, certified, closeAll, mayTerminate, messageOf } from './gateway/parts.ts';
import { cutWithCertificates, handshakes } from './gateway/handshakes.ts';
import { order } from './gateway/ordered.ts';
import { Proofs, standing } from './gateway/proofs.ts';
import { Relays } from './gateway/relays.ts';
import { cutWithStanding } from './gateway/standing.ts';
import { spoken } from './gateway/spoken.ts';
import { risksOf, statusOf } from './gateway/status.ts';
import { worldOf } from './gateway/world.ts';

export type { GatewayOptions };

/**
 * Starts everything that the configuration says, or nothing. `ready` events follow when the addresses were reached.
 * Errors: those of the configuration (`config-*`, `user-missing`), of the doors (`address-in-use`, `permission-missing`),
 * of the home (`home-*`, `disk-full`) and of the store (`store-unavailable`).
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const ends: Closable[] = [];
  try {
    const sources = new Sources({ platform: process.platform, onEvent: options.onEvent });
    const heard: GatewayOptions = { ...options, onEvent: (event) => (options.onEvent(event), sources.hear(event)) };
    const gateway = new Gateway(heard, await assemble(heard, ends), ends, sources);
    await gateway.reconfigure(options.config);
    ends.push(await gateway.serveControl());
    return gateway;
  } catch (error) {
    await closeAll(ends);
    throw error;
  }
}

class Gateway implements RunningGateway {
  readonly #options: GatewayOptions;
  readonly #parts: Parts;
  readonly #ends: Closable[];
  readonly #engine: Engine;
  readonly #doors: Doors;
  readonly #proofs: Proofs;
  readonly #readiness: Readiness;
  readonly #expiry: Expiry;
  readonly #relays: Relays;
  readonly #sources: Sources;
  readonly #since = new Date().toISOString();
  readonly #checkNonce = randomBytes(32).toString('hex');
  #config: Config;
  #compiled: Compiled | null = null;
  #snapshot: Snapshot | null = null;
  #version = 0;
  #stopping: Promise<void> | null = null;
  /** One reconfiguration at a time, in the order in which they were asked for. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: GatewayOptions, parts: Parts, ends: Closable[], sources: Sources) {
    this.#options = options;
    this.#parts = parts;
    this.#ends = ends;
    this.#sources = sources;
    this.#config = options.config;
    const { now, limits } = parts.tools;
    const deadlines = createDeadlines(steadyNow);
    ends.push(startDeadlines(deadlines), ...startCollectors());
    this.#engine = new Engine({
      snapshot: () => this.#current(),
      audit: parts.audit,
      tools: {
        now,
        newId: createIds(now, randomBytes),
        limits,
        deadlines,
        httpDate: createHttpDate(now),
        splice: createSplice({ deadlines }),
        strictTransport: (exchange) => this.#current().strictTransport?.(exchange) ?? null,
      },
      onFault: (error) => this.#fault('A request', error),
    });
    this.#doors = new Doors({
      engine: this.#engine,
      ...spoken,
      ...handshakes(parts, () => this.#current()),
      unread: () => this.#current().unread,
      proxyFor: (name) => this.#current().proxyFor?.(name) ?? null,
      limits,
      deadlines,
      bound: options.bound,
    });
    ends.push(this.#doors);
    parts.ownDoors.open = () => this.#doors.open;
    this.#proofs = new Proofs({
      config: () => this.#config,
      snapshot: () => this.#snapshot,
      doors: () => this.#doors.open,
      ...standing(parts),
      relays: () => this.#relays,
      nonce: this.#checkNonce,
    });
    this.#readiness = new Readiness({
      reach: (place, signal) => this.#proofs.reach(place, signal),
      proofOf: (place) => this.#proofs.proofOf(place),
      onEvent: options.onEvent,
    });
    this.#relays = this.#towardsRelays();
    ends.push(cutWithCertificates(parts, this.#engine));
    ends.push(cutWithStanding(parts.tools, this.#engine));
    this.#expiry = new Expiry({ now, expired: (names) => this.#expired(names) });
    ends.push({ close: async () => (this.#readiness.close(), this.#expiry.close()) });
  }

  reconfigure(config: Config): Promise<void> {
    const next = this.#turn.then(() => this.#apply(config));
    this.#turn = next.catch(() => undefined);
    return next;
  }

  async open(name: string): Promise<void> {
    await this.#switch(name, true);
  }

  async close(name: string, pause: string | null = null): Promise<void> {
    await this.#switch(name, false, pause);
  }

  status(): GatewayStatus {
    const services = (this.#snapshot?.services ?? []).map((service) =>
      statusOf(service, {
        places: this.#proofs.placesOf(service),
        readiness: this.#readiness.stateOf(service.name),
        access: this.#compiled?.accessWords.get(service.name) ?? '',
        live: this.#engine.liveOf(service.name),
        risks: risksOf(service, this.#sources, this.#parts.acme),
        backends: this.#parts.balancer.statesOf(service.name),
        now: this.#parts.tools.now(),
      }),
    );
    return { pid: process.pid, since: this.#since, services, relays: this.#relays.status() };
  }

  get explain(): Answering {
    if (this.#compiled === null) throw new SallyportError('program-failed', 'There is no configuration yet.');
    return this.#compiled.answer;
  }

  /** What other commands of this home may ask of us. */
  serveControl(): Promise<Closable> {
    return serveControl(this.#options.home, controlVerbs(this, this.#parts.acme, this.#options.verbs), {
      onFault: (error) => this.#fault('A command', error),
    });
  }

  stop(grace?: Grace): Promise<void> {
    this.#stopping ??= (async () => {
      if (grace !== undefined) await drained(this.#doors, this.#engine, grace);
      await this.#engine.leave();
      await this.#relays.close();
      this.#engine.cut(() => true, 'interrupted');
      await this.#compiled?.close();
      await closeAll(this.#ends);
    })();
    return this.#stopping;
  }

  #towardsRelays(): Relays {
    const { legs, tools } = this.#parts;
    // Nobody comes before the relay holds our names: until then its words say why, not a check that must fail.
    for (const { place } of legs) this.#readiness.shut(place.address, null);
    return new Relays({
      legs,
      limits: tools.limits,
      mayTerminate: (name) => mayTerminate(this.#current(), name),
      onArrival: (arrival, relay) => {
        if (this.#proofs.portChecks.claims(arrival)) return;
        if (arrival.terminated === true) this.#doors.arriveTerminated(arrival, relay);
        else this.#doors.arriveByRelay(arrival, relay);
      },
      onNames: () => this.#readiness.watch(this.#places()),
      onOpen: (relay) => (this.#readiness.open(relay), this.#parts.acme.reachable()),
      onShut: (relay, error) => this.#readiness.shut(relay, error),
      onRefused: ({ code, message, hint }) => this.#options.onEvent({ event: 'error', code, message, hint }),
    });
  }

  /** Where what is open is to be reached. */
  #places(): readonly Place[] {
    const open = this.#current().services.filter((service) => service.open);
    return open.flatMap((service) => this.#proofs.placesOf(service));
  }

  /** A bug: said, and survived. */
  #fault(what: string, error: unknown): void {
    this.#options.onEvent({
      event: 'error',
      code: 'program-failed',
      message: `${what} failed by our own fault: ${messageOf(error)}`,
      hint: 'Please report it.',
    });
  }

  #current(): Snapshot {
    if (this.#snapshot === null) throw new SallyportError('program-failed', 'A visitor came before there was a configuration.');
    return this.#snapshot;
  }

  /** The whole of it, or nothing: everything that can fail comes before the one assignment that counts. */
  async #apply(config: Config): Promise<void> {
    const { contexts, files, acme, clientCertificates } = this.#parts;
    this.#version += 1;
    const compiled = compile(config, worldOf(this.#parts, this.#relays.places, { version: this.#version, checkNonce: this.#checkNonce }));
    const before = { config: this.#config, snapshot: this.#snapshot, compiled: this.#compiled };
    let goBack: (() => void) | null = null;
    try {
      await clientCertificates.settled();
      goBack = await files.use(config.tls?.certificates ?? []);
      await this.#order(config, compiled.snapshot);
      await contexts.serve(certified(compiled.snapshot, config, this.#relays.places));
      this.#config = config;
      this.#snapshot = compiled.snapshot;
      await this.#doors.set(doorsOf(config));
    } catch (error) {
      this.#config = before.config;
      this.#snapshot = before.snapshot;
      goBack?.();
      if (before.snapshot !== null) await this.#order(before.config, before.snapshot).catch(() => undefined);
      if (before.snapshot !== null)
        await contexts.serve(certified(before.snapshot, before.config, this.#relays.places)).catch(() => undefined);
      await compiled.close();
      throw error;
    }
    this.#compiled = compiled;
    this.#sources.watch(config.services);
    for (const warning of compiled.warnings) this.#options.onEvent({ event: 'warning', ...warning });
    const changed = guardedOtherwise(before.config, config);
    this.#engine.cut((service) => changed.has(service.name), 'exchange-cut');
    this.#settle(before.snapshot);
    this.#relays.tell(compiled.snapshot);
    if (this.#relays.places.length === 0) acme.reachable();
    await before.compiled?.close();
  }

  #order(config: Config, snapshot: Snapshot): Promise<void> {
    return order(this.#parts, this.#relays.places, { config, snapshot, closing: (service) => this.close(service) });
  }

  /** Live exchanges of what is closed, gone or expired end at once; the rest is reached and watched. */
  #settle(before: Snapshot | null): void {
    const { services } = this.#current();
    const open = new Map(services.filter((service) => service.open).map((service) => [service.name, service]));
    this.#engine.cut((service) => !open.has(service.name), 'exchange-cut');
    // Who starts what was closed yesterday is told, instead of waiting for an address.
    const shut = before === null ? services.filter((service) => !service.open) : [];
    for (const { name } of shut) this.#options.onEvent({ event: 'closed', service: name, why: 'switched' });
    for (const old of before?.services ?? []) {
      if (!services.some((service) => service.name === old.name))
        this.#options.onEvent({ event: 'closed', service: old.name, why: 'removed' });
    }
    this.#readiness.watch(this.#places());
    this.#expiry.watch(services);
  }

  async #switch(name: string, open: boolean, pause: string | null = null): Promise<void> {
    assertService(name, this.#current().services);
    const remembered = this.#parts.switches.turn(name, open, pause);
    await this.reconfigure(this.#config);
    const why = pause === null ? 'switched' : 'maintenance';
    this.#options.onEvent(open ? { event: 'opened', service: name } : { event: 'closed', service: name, why });
    await remembered;
  }

  #expired(names: readonly string[]): void {
    this.#engine.cut((service) => names.includes(service.name), 'service-expired');
    for (const service of names) this.#options.onEvent({ event: 'closed', service, why: 'expired' });
  }
}
