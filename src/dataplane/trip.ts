/** The road of one exchange: route, judge, open, carry, record. It decides nothing itself: the snapshot's checks do. */

import { SallyportError, codes, type Code, type Fault } from '../core/errors.ts';
import { judge, type Outcome } from '../core/policy/judge.ts';
import type { Exchange, Identity } from '../core/policy/exchange.ts';
import { asksForClientPage } from '../core/pages/proxy-answer.ts';
import type { Permit } from '../core/policy/permit.ts';
import type { Route } from '../core/policy/route.ts';
import type { Call, Deadlines, Proceeding, Tally } from '../contracts/protocol.ts';
import type { Service, Snapshot } from '../contracts/snapshot.ts';
import type { AuditLog } from '../contracts/sink.ts';
import type { Stream } from '../contracts/stream.ts';
import type { Again, Forwarding, Opened } from '../contracts/upstream.ts';
import { answerFor, type Answers } from './answer.ts';
import { eventOf } from './event.ts';
import { submitForm, type Asked, type Formed } from './forms.ts';
import { permitted } from './permitted.ts';
import { hasForms, misdirected, unavailable, whyNot } from './reachable.ts';
import { isReservedRequest, ownCheckReply } from './reserved.ts';

/** What every trip is handed. */
export type Road = Readonly<{
  /** The one reference to what should be; read once an exchange. */
  snapshot: () => Snapshot;
  audit: AuditLog;
  tools: Readonly<{ now: () => number; deadlines: Deadlines }>;
  /** Told of our own faults: a bug, never a stranger's doing. */
  onFault: (error: unknown) => void;
}>;

/**
 * An exchange that runs on a connection at this moment, if any. As many records a connection as it had exchanges at once: a
 * set that changed with each exchange would leave tables behind that keep dead exchanges alive.
 */
export type Live = { readonly stream: Stream; call: Call | null; service: Service | null; who: Identity | null };

/** Why an exchange gets no further, and what is said about it. */
type Refusal = Readonly<{
  code: Code;
  why: string;
  stage: 'route' | 'identify' | 'authorize' | 'meter' | 'open';
  answer: Answers['proposed'];
}>;

/**
 * One exchange from its head to its line in the log. Where nothing has to be waited for, no promise is made: each costs a
 * turn of the queue. Whatever breaks ends in `broke`, and the visitor's stream with it.
 */
export class Trip implements Proceeding {
  readonly #road: Road;
  readonly #live: Live;
  readonly #call: Call;
  readonly #snapshot: Snapshot;
  /** With the identity, once somebody was let in. */
  #exchange: Exchange;
  #service: Service | null = null;
  #forwarding: Forwarding | null = null;
  /** Whether a connection that carried something before has failed already. */
  #fresh = false;
  /** How to open it once more, where that may be tried. */
  #again: Again | null = null;
  #tries = 0;
  /** What the upstream wants to stand in the record, and what checks that only watch have said. */
  #note: string | null = null;
  #watched: string | null = null;
  /** What a meter lets it use. */
  #permit: Permit | null = null;
  /** Why a meter ended it. */
  #ended: Fault | null = null;
  #over = false;

  constructor(road: Road, live: Live, call: Call) {
    this.#road = road;
    this.#live = live;
    this.#call = call;
    this.#snapshot = road.snapshot();
    const { pages } = this.#snapshot;
    this.#exchange = pages === undefined ? call.exchange : { ...call.exchange, pages };
    live.call = call;
  }

  /** Never throws. */
  start(): void {
    try {
      this.#begin();
    } catch (error) {
      this.broke(error);
    }
  }

  settled(tally: Tally): void {
    try {
      this.#carried(tally);
    } catch (error) {
      this.broke(error);
    }
  }

  broke(error: unknown): void {
    this.#road.onFault(error);
    this.#live.stream.destroy();
    this.#end();
  }

  #begin(): void {
    const exchange = this.#exchange;
    const snapshot = this.#snapshot;
    const reached = ownCheckReply(exchange, snapshot);
    if (reached !== null) return this.#wait(this.#call.refuse(reached), () => this.#end());
    const route = misdirected(exchange) ? null : snapshot.route(exchange);
    const service = route?.service ?? null;
    this.#service = service;
    this.#live.service = service;
    const missing = misdirected(exchange) ? 'host-misdirected' : unavailable(service, exchange);
    if (route === null || service === null || missing !== null) {
      const code = missing ?? 'route-missing';
      return this.#refuseStranger({ code, why: whyNot[code] ?? code, stage: 'route', answer: null });
    }
    if (hasForms(exchange) && service.forwarding.transparent !== true) return this.#form(service);
    if (service.pages !== undefined && asksForClientPage(exchange)) return this.#page(route, service.pages);
    const judged = judge(exchange, route, this.#call.gather);
    if (judged instanceof Promise) this.#wait(judged, (outcome) => this.#judged(outcome, service));
    else this.#judged(judged, service);
  }

  #judged(outcome: Outcome, service: Service): void {
    if (outcome.is === 'refuse') {
      if (outcome.identity !== undefined) this.#exchange = { ...this.#exchange, identity: outcome.identity };
      return outcome.stage === 'identify' ? this.#refuseStranger(outcome) : this.#refuse(outcome);
    }
    const { exchange, spent, permit, note } = outcome;
    this.#watched = note;
    this.#exchange = exchange;
    this.#permit = permit;
    this.#live.who = exchange.identity;
    // Through a proxy what was shown to us came in a field that goes no further; Authorization is the destination's.
    const forwarding = spent.length === 0 || exchange.destination !== undefined ? service.forwarding : { ...service.forwarding, spent };
    this.#forwarding = forwarding.tell === undefined ? forwarding : { ...forwarding, told: forwarding.tell(exchange) };
    this.#open(service, this.#forwarding, null);
  }

  /** Of a proxy's own pages: who asks is known first, and what they may elsewhere is another matter. */
  #page(route: Route<Service>, forms: Formed['forms']): void {
    this.#wait(Promise.resolve(judge(this.#exchange, { ...route, authorize: [], meter: [] }, this.#call.gather)), (outcome) => {
      if (outcome.is === 'refuse') return this.#refuse(outcome);
      this.#exchange = outcome.exchange;
      this.#live.who = outcome.exchange.identity;
      return this.#form({ forms, guarded: false });
    });
  }

  /** A form that refuses without an answer of its own shows the face, like a path that has no form. */
  #form(place: Formed): void {
    this.#wait(submitForm(this.#asked, place, this.#snapshot.limits.formBytesMax), (submitted) => {
      if (submitted === null || submitted.answer === null) {
        const { code, why } = submitted ?? { code: null, why: 'no form of this service' };
        const refusal: Refusal = { code: code ?? 'route-missing', why: why ?? '', stage: 'identify', answer: null };
        return submitted === null ? this.#refuseStranger(refusal) : this.#refuse(refusal);
      }
      const { answer, code, why } = submitted;
      return this.#wait(this.#call.refuse(answer), (tally) => this.#record(tally, { is: code === null ? 'pass' : 'refuse', code, why }));
    });
  }

  /** Opens the upstream, for the first time or once more, and joins both. */
  #open(service: Service, forwarding: Forwarding, again: (() => Promise<Opened> | Opened) | null): void {
    let opening: Promise<Opened> | Opened;
    try {
      opening = again === null ? service.dial(this.#exchange, this.#call, this.#fresh) : again();
    } catch (error) {
      return this.#refuse(this.#openingFailed(error));
    }
    if (!(opening instanceof Promise)) return this.#proceed(opening, forwarding);
    const opened = opening.then(
      (found) => () => this.#proceed(found, forwarding),
      (error: unknown) => () => this.#refuse(this.#openingFailed(error)),
    );
    this.#wait(opened, (go) => go());
  }

  #proceed(found: Opened, forwarding: Forwarding): void {
    this.#again = found.is === 'stream' ? (found.again ?? null) : null;
    this.#note = found.is === 'reply' ? null : (found.note ?? null);
    this.#call.proceed(this.#permit === null ? found : this.#held(found, this.#permit), forwarding, this);
  }

  #held(found: Opened, permit: Permit): Opened {
    permit.opened();
    return permitted(found, permit, this.#road.tools.deadlines, (fault) => {
      this.#ended ??= fault;
      this.#call.cut(fault.code);
    });
  }

  /** Tries once more where nothing had begun: on a fresh connection, or by another backend where there are several. */
  #carried(tally: Tally): void {
    const { code, why } = tally;
    const [service, forwarding, again] = [this.#service, this.#forwarding, this.#again];
    if (tally.end === 'untouched' && service !== null && forwarding !== null) {
      if (again !== null && code !== null && this.#tries < this.#snapshot.limits.upstreamRepeatsMax) {
        this.#tries += 1;
        return this.#open(service, forwarding, () => again(code));
      }
      if (again === null && !this.#fresh) {
        this.#fresh = true;
        return this.#open(service, forwarding, null);
      }
    }
    if (tally.end !== 'done' && code !== null) return this.#refuse({ code, why: why ?? code, stage: 'open', answer: null });
    return this.#record(tally, {
      is: code === null || code === 'visitor-gone' ? 'pass' : 'fail',
      code,
      why: this.#ended?.why ?? (code === null ? together(this.#watched, why ?? this.#note) : why),
    });
  }

  #openingFailed(error: unknown): Refusal {
    if (error instanceof SallyportError) return { code: error.code, why: error.message, stage: 'open', answer: null };
    this.#road.onFault(error);
    return { code: 'program-failed', why: 'opening the upstream failed', stage: 'open', answer: null };
  }

  /**
   * Somebody who is not identified. Where this service takes no passwords and another does, the words that they showed are
   * taken all the same, by the decoy: "wrong", the time of a hash and a wait would tell which services are open and ask for one.
   */
  #refuseStranger(refusal: Refusal): void {
    const exchange = this.#exchange;
    const { decoy, face, limits } = this.#snapshot;
    const asked = this.#service?.asksPassword === true && refusal.stage === 'identify';
    // Whom a guard has answered itself is known to it; who is misdirected hears so, whoever asks.
    if (decoy === null || asked || exchange.listener.proxy !== undefined || refusal.answer !== null || refusal.code === 'host-misdirected')
      return this.#refuse(refusal);
    if (exchange.http !== null && isReservedRequest(exchange.http)) {
      const place = { forms: decoy.forms, guarded: true };
      return this.#wait(submitForm(this.#asked, place, limits.formBytesMax), (submitted) =>
        this.#refuse(submitted === null ? refusal : { ...refusal, answer: submitted.answer ?? face(exchange, 'credentials-missing') }),
      );
    }
    const answered = (outcome: Outcome): void => this.#refuse(outcome.is === 'refuse' ? { ...refusal, answer: outcome.answer } : refusal);
    const identify = { is: 'check', check: decoy.check } as const;
    const judged = judge(exchange, { name: 'decoy', service: null, identify, authorize: [], meter: [] }, this.#call.gather);
    if (judged instanceof Promise) this.#wait(judged, answered);
    else answered(judged);
  }

  get #asked(): Asked {
    return { exchange: this.#exchange, gather: this.#call.gather };
  }

  #refuse(refusal: Refusal): void {
    const { code, why, stage } = refusal;
    const identified = stage === 'authorize' || stage === 'meter' || stage === 'open';
    const [exchange, snapshot] = [this.#exchange, this.#snapshot];
    // What is closed or over has the face of a name that nobody has, whatever its guards were.
    const service = stage === 'route' ? null : this.#service;
    const answer = { exchange, snapshot, service, code, identified, proposed: refusal.answer };
    const is = stage === 'open' && (codes[code].status ?? 500) >= 500 ? 'fail' : 'refuse';
    this.#wait(this.#call.refuse(answerFor(answer)), (tally) => this.#record(tally, { is, code, why }));
  }

  /** Goes on with what was waited for. */
  #wait<Value>(waited: Promise<Value>, go: (value: Value) => void): void {
    waited.then(go).catch((error: unknown) => this.broke(error));
  }

  #record(tally: Tally, verdict: Readonly<{ is: 'pass' | 'refuse' | 'fail'; code: Code | null; why: string | null }>): void {
    this.#road.audit.record(eventOf(this.#exchange, this.#service?.name ?? null, tally, verdict, this.#road.tools.now()));
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#live.call = null;
    this.#live.service = null;
    this.#live.who = null;
    this.#permit?.close();
    this.#call.end();
  }
}

function together(one: string | null, other: string | null): string | null {
  return one === null || other === null ? (one ?? other) : `${one}; ${other}`;
}
