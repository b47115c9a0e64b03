/** The road: route, judge, open, carry, record. It decides nothing itself: the snapshot's checks do. */

import { SallyportError, codes, type Code, type Fault } from '../core/errors.ts';
import { judge, type Outcome } from '../core/policy/judge.ts';
import type { Exchange } from '../core/policy/exchange.ts';
import type { AuditLog } from '../contracts/sink.ts';
import type { Call, Protocol, ProtocolTools, Tally } from '../contracts/protocol.ts';
import type { Service, Snapshot } from '../contracts/snapshot.ts';
import type { Arrival } from '../contracts/stream.ts';
import type { Forwarding } from '../contracts/upstream.ts';
import { answerFor, type Answers } from './answer.ts';
import { eventOf, eventOfRefusal } from './event.ts';
import { isReservedRequest, ownCheckReply } from './reserved.ts';
import { submitForm } from './forms.ts';

/** An exchange that was let in, on its way to its service. `exchange` has the identity. */
type Trip = Readonly<{ call: Call; exchange: Exchange; forwarding: Forwarding; snapshot: Snapshot; service: Service }>;

/** Why an exchange gets no further, and what is said about it. */
type Refusal = Readonly<{
  code: Code;
  why: string;
  stage: 'route' | 'identify' | 'authorize' | 'meter' | 'open';
  answer: Answers['proposed'];
}>;

export type EngineOptions = Readonly<{
  /** The one reference to what should be; read once an exchange. */
  snapshot: () => Snapshot;
  audit: AuditLog;
  tools: Omit<ProtocolTools, 'refused'>;
  /** Told of our own faults: a bug, never a stranger's doing. */
  onFault: (error: unknown) => void;
}>;

/**
 * The exchange that runs on a connection at this moment, if any. One record a connection: a set that changed with
 * each exchange would leave tables behind that keep dead exchanges alive.
 */
type Live = { call: Call | null; service: Service | null };

export class Engine {
  readonly #options: EngineOptions;
  readonly #tools: ProtocolTools;
  readonly #live = new Set<Live>();

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#tools = {
      ...options.tools,
      refused: (arrival, code, why, status) =>
        options.audit.record(eventOfRefusal(arrival, { code, why, status, id: options.tools.newId(), at: options.tools.now() })),
    };
  }

  /** Serves everything that comes on one arrival. Never rejects. */
  async take(arrival: Arrival, protocol: Protocol): Promise<void> {
    const live: Live = { call: null, service: null };
    this.#live.add(live);
    try {
      for await (const call of protocol.calls(arrival, this.#tools)) {
        live.call = call;
        // Null where nothing had to be waited for; an await costs a turn of the queue even then.
        const ending = this.#handle(call, live);
        if (ending !== null) await ending;
        live.call = null;
        live.service = null;
      }
    } catch (error) {
      this.#options.onFault(error);
      arrival.stream.destroy();
    } finally {
      this.#live.delete(live);
    }
  }

  /** Records what came to nothing before there was anything to read: a handshake that failed. */
  refused(arrival: Arrival, { code, why }: Fault): void {
    this.#tools.refused(arrival, code, why, null);
  }

  /** How many exchanges of a service run now. */
  liveOf(service: string): number {
    let count = 0;
    for (const live of this.#live) {
      if (live.service?.name === service) count += 1;
    }
    return count;
  }

  /** Ends what runs, at once, where `of` says so: a service was closed, has expired or is gone from the configuration. */
  cut(of: (service: Service) => boolean, code: Code): number {
    let count = 0;
    for (const live of this.#live) {
      if (live.call === null || live.service === null || !of(live.service)) continue;
      live.call.cut(code);
      count += 1;
    }
    return count;
  }

  #handle(call: Call, live: Live): Promise<void> | null {
    const { exchange } = call;
    const snapshot = this.#options.snapshot();
    const reached = ownCheckReply(exchange, snapshot);
    if (reached !== null) return call.refuse(reached).then(() => undefined);
    const route = misdirected(exchange) ? null : snapshot.route(exchange);
    const service = route?.service ?? null;
    live.service = service;
    const missing = misdirected(exchange) ? 'host-misdirected' : unavailable(service, exchange.at);
    if (route === null || service === null || missing !== null) {
      const code = missing ?? 'route-missing';
      return this.#refuse(call, snapshot, service, { code, why: whyNot[code] ?? code, stage: 'route', answer: null });
    }
    if (exchange.http !== null && isReservedRequest(exchange.http)) return this.#form(call, snapshot, service);
    const judged = judge(exchange, route, call.gather);
    if (judged instanceof Promise) return judged.then((outcome) => this.#judged(call, outcome, snapshot, service));
    return this.#judged(call, judged, snapshot, service);
  }

  #judged(call: Call, outcome: Outcome, snapshot: Snapshot, service: Service): Promise<void> {
    if (outcome.is === 'refuse') return this.#refuse(call, snapshot, service, outcome);
    const { exchange, spent } = outcome;
    const forwarding = spent.length === 0 ? service.forwarding : { ...service.forwarding, spent };
    return this.#carry({ call, exchange, forwarding, snapshot, service }, false);
  }

  /** A form that refuses without an answer of its own shows the face, like a path that has no form. */
  async #form(call: Call, snapshot: Snapshot, service: Service): Promise<void> {
    const submitted = await submitForm(call, service, snapshot.limits.formBytesMax);
    if (submitted === null || submitted.answer === null) {
      const { code, why } = submitted ?? { code: null, why: 'no form of this service' };
      return this.#refuse(call, snapshot, service, { code: code ?? 'route-missing', why: why ?? '', stage: 'identify', answer: null });
    }
    const { answer, code, why } = submitted;
    const tally = await call.refuse(answer);
    this.#record(call.exchange, service, tally, { is: code === null ? 'pass' : 'refuse', code, why });
  }

  /** Opens the upstream and joins both. No promise is made that the upstream and the protocol do not make. */
  #carry(trip: Trip, fresh: boolean): Promise<void> {
    const { call, exchange } = trip;
    try {
      const opening = trip.service.dial(exchange, call, fresh);
      if (!(opening instanceof Promise)) return call.proceed(opening, trip.forwarding).then((tally) => this.#carried(trip, tally, fresh));
      return opening.then(
        async (opened) => this.#carried(trip, await call.proceed(opened, trip.forwarding), fresh),
        (error: unknown) => this.#refuse(call, trip.snapshot, trip.service, this.#openingFailed(error), exchange),
      );
    } catch (error) {
      return this.#refuse(call, trip.snapshot, trip.service, this.#openingFailed(error), exchange);
    }
  }

  /** Tries once more where nothing had begun on a connection that was being closed. */
  #carried(trip: Trip, tally: Tally, fresh: boolean): Promise<void> | undefined {
    if (tally.end === 'untouched' && !fresh) return this.#carry(trip, true);
    const { call, exchange, snapshot, service } = trip;
    const { code, why } = tally;
    if (tally.end !== 'done' && code !== null)
      return this.#refuse(call, snapshot, service, { code, why: why ?? code, stage: 'open', answer: null }, exchange);
    this.#record(exchange, service, tally, { is: code === null || code === 'visitor-gone' ? 'pass' : 'fail', code, why });
    return undefined;
  }

  #openingFailed(error: unknown): Refusal {
    if (error instanceof SallyportError) return { code: error.code, why: error.message, stage: 'open', answer: null };
    this.#options.onFault(error);
    return { code: 'program-failed', why: 'opening the upstream failed', stage: 'open', answer: null };
  }

  async #refuse(call: Call, snapshot: Snapshot, service: Service | null, refusal: Refusal, exchange = call.exchange): Promise<void> {
    const identified = refusal.stage === 'authorize' || refusal.stage === 'meter' || refusal.stage === 'open';
    const reply = answerFor({ exchange, snapshot, service, code: refusal.code, identified, proposed: refusal.answer });
    const tally = await call.refuse(reply);
    const is = refusal.stage === 'open' && (codes[refusal.code].status ?? 500) >= 500 ? 'fail' : 'refuse';
    this.#record(exchange, service, tally, { is, code: refusal.code, why: refusal.why });
  }

  #record(
    exchange: Exchange,
    service: Service | null,
    tally: Tally,
    verdict: Readonly<{ is: 'pass' | 'refuse' | 'fail'; code: Code | null; why: string | null }>,
  ): void {
    this.#options.audit.record(eventOf(exchange, service?.name ?? null, tally, verdict, this.#options.tools.now()));
  }
}

const whyNot: Partial<Record<Code, string>> = {
  'route-missing': 'no service has this name',
  'host-misdirected': 'the Host field and the name of the TLS handshake differ',
  'service-closed': 'the service is closed',
  'service-expired': 'the share has expired',
};

/** RFC 9110, 15.5.20; domain fronting: what was asked for in the handshake decided the certificate, so Host must agree. */
function misdirected(exchange: Exchange): boolean {
  return exchange.sni !== null && exchange.http !== null && exchange.sni !== exchange.host;
}

function unavailable(service: Service | null, at: number): Code | null {
  if (service === null) return null;
  if (!service.open) return 'service-closed';
  return service.expires !== null && service.expires <= at ? 'service-expired' : null;
}
