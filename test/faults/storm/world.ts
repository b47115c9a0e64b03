/** The world of the storm: every gateway at every relay, each with a service, all of them processes with homes of their own, and lines between them. */

import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from '../../e2e/lines.ts';
import { freshHome } from '../../e2e/program.ts';
import { invited, joined, program, serving, steadyPort, type Context } from './begin.ts';
import { Line } from './line.ts';
import type { Violations } from './tally.ts';
import { Unit, type Life, type Role } from './unit.ts';
import { doorTo, type Door } from './visit.ts';

export type { Context };

/** A port of a relay, for TCP by a line and for UDP without one. */
export type RawDoor = Readonly<{ tcp: number; udp: Readonly<{ host: string; port: number }> }>;

/** What visitors come by at one relay: the gateway's own name, and its port where the system has addresses enough. */
export type Entrance = Readonly<{ own: Door; raw: RawDoor | null }>;

export type RelaySite = Readonly<{ unit: Unit; visitorLines: Line[] }>;

export type GatewaySite = Readonly<{
  unit: Unit;
  service: Unit;
  /** In the order of the relays. */
  carrierLines: readonly Line[];
  serviceLines: readonly Line[];
  entrances: readonly Entrance[];
  /** `sallyport connect` to its TCP service: the program, and its local port. */
  connect: Unit;
  connectPort: number;
  seenFile: string;
}>;

export type World = Readonly<{
  relays: readonly RelaySite[];
  gateways: readonly GatewaySite[];
  /** The name that the first two gateways share, by relay; empty where there is one gateway only. */
  shared: readonly Door[];
  units: readonly Unit[];
  homes: ReadonlyMap<string, string>;
}>;

export type WorldOptions = Readonly<{
  relays: number;
  gateways: number;
  /** Of the gateways, in place of the product's own. */
  limits: Readonly<Record<string, number>>;
  patienceMs: number;
  /** How the service of each gateway is bad, to see that it is found. */
  lies: readonly (readonly string[])[];
  violations: Violations;
}>;

/** Names below it lead to this machine everywhere (RFC 6761, 6.3). */
const domain = 'storm.localhost';
const sharedName = 'both';
/** So many gateways share it. */
const sharers = 2;

type RelayPlace = RelaySite & Readonly<{ home: string; host: string; port: number; webLine: Line }>;

/** Resolves when all have started; what is registered last may still be on its way. */
export async function startWorld(context: Context, options: WorldOptions): Promise<World> {
  const builder = new Builder(context, options);
  context.after(async () => builder.units.forEach((unit) => unit.abandon()));
  const relays = await Promise.all(Array.from({ length: options.relays }, (_, index) => builder.relay(index)));
  const gateways: GatewaySite[] = [];
  for (let index = 0; index < options.gateways; index += 1) gateways.push(await builder.gateway(index, relays));
  const own = gateways.slice(0, sharers).map(({ entrances }) => entrances[0]?.own.ca ?? '');
  const shared = options.gateways < sharers ? [] : relays.map(({ webLine }) => builder.door(sharedName, webLine, own.join('\n')));
  return { relays, gateways, shared, units: builder.units, homes: builder.homes };
}

class Builder {
  readonly #context: Context;
  readonly #options: WorldOptions;
  readonly units: Unit[] = [];
  readonly homes = new Map<string, string>();

  constructor(context: Context, options: WorldOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Each with an address of its own, where the system has them: one port of a gateway stands at all relays. */
  async relay(index: number): Promise<RelayPlace> {
    const name = `relay ${index + 1}`;
    const host = process.platform === 'linux' ? `127.0.0.${index + 1}` : '127.0.0.1';
    const [home, port] = [await freshHome(this.#context), await steadyPort()];
    this.homes.set(name, home);
    const words = ['relay', '--listen', `${host}:${port}`, '--domain', domain];
    const unit = this.#unit('relay', name, () => program(this.#context, words, home, 'listening'));
    await unit.start();
    const webLine = await Line.open(this.#context, port, host);
    return { unit, visitorLines: [webLine], home, host, port, webLine };
  }

  async gateway(index: number, relays: readonly RelayPlace[]): Promise<GatewaySite> {
    const [name, label, rawPort] = [`gateway ${index + 1}`, `site${index + 1}`, process.platform === 'linux' ? await steadyPort() : null];
    const { service, seenFile, udpPort, serviceLines } = await this.#service(index);
    const [home, carrierLines] = [await freshHome(this.#context), [] as Line[]];
    this.homes.set(name, home);
    for (const relay of relays) {
      const line = await Line.open(this.#context, relay.port, relay.host);
      carrierLines.push(line);
      const address = ['--address', `127.0.0.1:${line.port}`];
      const ports = rawPort === null ? [] : ['--ports', `${rawPort}-${rawPort}`];
      await joined(home, await invited(relay.home, [label, ...ports, ...address]));
      if (this.#options.gateways >= sharers && index < sharers)
        await joined(home, await invited(relay.home, [sharedName, '--standby', ...address]));
    }
    const config = join(home, 'sallyport.yaml');
    const ways = { to: serviceLines.map(({ port }) => port), udpPort, rawPort };
    await writeFile(config, this.#configuration(label, carrierLines, ways, index < sharers && this.#options.gateways >= sharers));
    const unit = this.#unit('gateway', name, () => program(this.#context, ['up', '--config', config], home, 'ready', label));
    const caFile = text(await unit.start(), 'ca');
    const entrances: Entrance[] = [];
    for (const relay of relays) {
      const own = this.door(label, relay.webLine, readFileSync(caFile, 'utf8'));
      entrances.push({ own, raw: rawPort === null ? null : await this.#rawDoor(relay, rawPort) });
    }
    const connect = await this.#connect(index, relays[index % relays.length] ?? relays[0], caFile);
    return { unit, service, carrierLines, serviceLines, entrances, ...connect, seenFile };
  }

  door(label: string, line: Line, ca: string): Door {
    return doorTo(`https://${label}.${domain}:${line.port}`, ca, this.#options.patienceMs);
  }

  async #service(index: number) {
    const [webPort, tcpPort, udpPort] = [await steadyPort(), await steadyPort(), await steadyPort()];
    const seenFile = join(await freshHome(this.#context), 'seen');
    const lies = (this.#options.lies[index] ?? []).join(',');
    const words = [String(webPort), seenFile, lies, `${index + 1}`, String(tcpPort), String(udpPort)];
    const service = this.#unit('service', `service ${index + 1}`, () => serving(this.#context, words));
    await service.start();
    const serviceLines = [await Line.open(this.#context, webPort), await Line.open(this.#context, tcpPort)];
    return { service, seenFile, udpPort, serviceLines };
  }

  /** JSON is YAML. */
  #configuration(
    label: string,
    carrierLines: readonly Line[],
    { to, udpPort, rawPort }: Readonly<{ to: readonly number[]; udpPort: number; rawPort: number | null }>,
    shares: boolean,
  ): string {
    const { limits } = this.#options;
    const [web, tcp] = to;
    const access = ['public'];
    return JSON.stringify({
      relay: carrierLines.map(({ port }) => `127.0.0.1:${port}`),
      ...(Object.keys(limits).length === 0 ? {} : { limits }),
      services: {
        [label]: { to: web, access },
        ...(shares ? { [sharedName]: { to: web, access, at: `${sharedName}.${domain}` } } : {}),
        tcp: { to: `tcp://127.0.0.1:${tcp}`, access },
        ...(rawPort === null
          ? {}
          : {
              rawtcp: { to: `tcp://127.0.0.1:${tcp}`, port: rawPort, access },
              rawudp: { to: `udp://127.0.0.1:${udpPort}`, port: rawPort, access },
            }),
      },
    });
  }

  async #rawDoor(relay: RelayPlace, port: number): Promise<RawDoor> {
    const line = await Line.open(this.#context, port, relay.host);
    relay.visitorLines.push(line);
    return { tcp: line.port, udp: { host: relay.host, port } };
  }

  async #connect(index: number, relay: RelayPlace | undefined, caFile: string) {
    const [home, port] = [await freshHome(this.#context), await steadyPort()];
    const place = `tcp.site${index + 1}.${domain}:${relay?.webLine.port ?? 0}`;
    const words = ['connect', place, '--no-credential', '--ca', caFile, '--listen', `127.0.0.1:${port}`];
    const connect = this.#unit('connect', `connect ${index + 1}`, () => program(this.#context, words, home, 'connecting'));
    await connect.start();
    return { connect, connectPort: port };
  }

  #unit(role: Role, name: string, begin: () => Life): Unit {
    const unit = new Unit(role, name, begin, this.#options.violations);
    this.units.push(unit);
    return unit;
  }
}
