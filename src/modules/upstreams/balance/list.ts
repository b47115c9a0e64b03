/** One list of backends: chooses one for each exchange, learns from what becomes of it, and goes on to another while nothing was lost. */

import type { BackendState, Group, Member } from '../../../contracts/balance.ts';
import type { Caller, Opened } from '../../../contracts/upstream.ts';
import { householdOf } from '../../../core/address.ts';
import { byKey, byLoad, byTurns } from '../../../core/balance/choice.ts';
import { SallyportError, fault, type Code } from '../../../core/errors.ts';
import { fieldValue } from '../../../core/http/fields.ts';
import { isReplayable } from '../../../core/http/replayable.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import type { Backend } from './backend.ts';
import { Checks, faultOf } from './checks.ts';
import { Seat, wordsOf } from './seat.ts';
import { Seats, type Lookup } from './seats.ts';
import { WayCookie } from './way-cookie.ts';

export type ListTools = Readonly<{
  now: () => number;
  limits: Limits;
  secret: string;
  lookup: Lookup;
  take: (words: string) => Backend;
  drop: (backend: Backend) => void;
  /** It has gone, or come back. */
  news: (backend: Backend) => void;
}>;

/** One exchange looking for its backend. */
type Search = {
  readonly exchange: Exchange;
  readonly caller: Caller;
  /** Whether it may be sent twice. */
  readonly replayable: boolean;
  readonly tried: Set<Seat>;
  fresh: boolean;
  /** What the last one said. */
  failure: SallyportError | null;
};

/** The faults of a backend; what a visitor did, or we, says nothing of it. */
const faults: ReadonlySet<Code> = new Set([
  ...(['upstream-refused', 'upstream-unreachable', 'upstream-untrusted', 'upstream-timed-out', 'upstream-broken'] as const),
  'response-malformed',
]);

/** Whom an exchange is led to, the first kind that there is. */
const tiers = [
  { up: true, emergency: false },
  { up: true, emergency: true },
  { up: false, emergency: false },
  { up: false, emergency: true },
] as const;

export class List {
  readonly service: string;
  readonly #group: Group;
  readonly #tools: ListTools;
  readonly #seats: Seats;
  readonly #checks: Checks;
  readonly #cookie: WayCookie;

  constructor(group: Group, tools: ListTools) {
    this.service = group.service;
    this.#group = group;
    this.#tools = tools;
    this.#cookie = new WayCookie(tools.secret, group.place);
    this.#seats = new Seats({
      members: group.members,
      limits: tools.limits,
      lookup: tools.lookup,
      seat: (member, address) => this.#seat(member, address),
      leave: ({ backend, upstream }) => {
        tools.drop(backend);
        upstream.close().catch(() => undefined);
      },
    });
    this.#checks = new Checks({
      rules: group.rules,
      now: tools.now,
      seats: () => this.#seats.all,
      news: ({ backend }) => this.#told(backend),
    });
  }

  open(exchange: Exchange, caller: Caller, fresh: boolean): Promise<Opened> | Opened {
    const { exchangesMax } = this.#group.rules;
    if (exchangesMax !== null && this.#seats.all.reduce((sum, { live }) => sum + live, 0) >= exchangesMax)
      throw new SallyportError('connections-exceeded', 'the service has as many connections as it may');
    const replayable = exchange.http !== null && isReplayable(exchange.http);
    return this.#attempt({ exchange, caller, replayable, tried: new Set(), fresh, failure: null });
  }

  states(): readonly BackendState[] {
    return this.#seats.all.map(({ backend, member }) => ({
      backend: backend.words,
      state: backend.standing.isUp ? 'up' : 'down',
      since: backend.standing.since,
      code: backend.standing.fault?.code ?? null,
      why: backend.standing.fault?.why ?? null,
      weight: member.weight,
      emergency: member.emergency,
      live: backend.live,
    }));
  }

  /** What runs goes on to its end. */
  close(): void {
    this.#checks.close();
    this.#seats.close();
  }

  #seat(member: Member, address: string | null): Seat {
    const words = wordsOf(member, address);
    return new Seat(this.#tools.take(words), member, address, this.#cookie.tokenOf(words));
  }

  #attempt(search: Search): Promise<Opened> | Opened {
    for (;;) {
      const seat = search.tried.size < this.#tools.limits.upstreamDialsMax ? this.#choose(search) : null;
      if (seat === null) throw search.failure ?? new SallyportError('upstream-unreachable', 'there is no backend');
      seat.backend.live += 1;
      try {
        const found = seat.upstream.open(search.exchange, search.caller, search.fresh);
        if (!(found instanceof Promise)) return this.#opened(search, seat, found);
        return found.then(
          (opened) => this.#opened(search, seat, opened),
          (error: unknown) => {
            this.#missed(search, seat, error);
            return this.#attempt(search);
          },
        );
      } catch (error) {
        this.#missed(search, seat, error);
      }
    }
  }

  /** It could not be opened, so nothing was sent: any request may go on to another. Throws what is no fault of the backend. */
  #missed(search: Search, seat: Seat, error: unknown): void {
    seat.backend.live -= 1;
    search.tried.add(seat);
    if (!(error instanceof SallyportError)) throw error;
    if (!faults.has(error.code) && error.code !== 'connections-exceeded') throw error;
    search.failure = error;
    if (faults.has(error.code) && seat.backend.standing.failed(faultOf(error), this.#tools.now())) this.#told(seat.backend);
  }

  #opened(search: Search, seat: Seat, found: Opened): Opened {
    const { backend } = seat;
    if (found.is === 'reply') {
      backend.live -= 1;
      return found;
    }
    const { stream, reused } = found;
    let given = false;
    const release = (reusable: boolean, code?: Code | null): void => {
      if (given) return;
      given = true;
      backend.live -= 1;
      backend.leave(stream);
      this.#learn(backend, reused, code);
      found.release(reusable, code);
    };
    if (found.is === 'raw') return { ...found, release };
    const own = this.#ownField(search, seat);
    const opened = { ...found, release, ...(own === null ? {} : { own }) };
    const others = search.replayable && this.#seats.all.some((each) => each !== seat && isOpenTo(search, each));
    // Nobody is led away where there is nobody to be led to.
    if (others) backend.wait(stream);
    if (!search.replayable || !(reused || others)) return opened;
    return {
      ...opened,
      again: (code) => {
        // Who closed a connection that had served before may well take another.
        if (!reused || code !== 'upstream-broken' || !backend.standing.isUp) search.tried.add(seat);
        search.fresh = true;
        search.failure = new SallyportError(code, 'the service did not answer');
        return this.#attempt(search);
      },
    };
  }

  /** A kept connection may have been closed by right, as our request came to it. */
  #learn(backend: Backend, reused: boolean, code: Code | null | undefined): void {
    if (code === undefined || (code === 'upstream-broken' && reused)) return;
    const { standing } = backend;
    if (code === null) standing.worked();
    else if (faults.has(code) && standing.failed(fault(code, 'it did not answer an exchange'), this.#tools.now())) this.#told(backend);
  }

  /** Whoever waits there is led elsewhere, once what is known of it is known to all. */
  #told(backend: Backend): void {
    this.#tools.news(backend);
    if (!backend.standing.isUp) backend.shed();
  }

  /** Those that are up; the emergency ones where none is; and where nobody is, whoever may have come back. */
  #choose(search: Search): Seat | null {
    const at = this.#tools.now();
    const stuck = this.#stuck(search);
    if (stuck !== null) return stuck;
    for (const tier of tiers) {
      const among = this.#seats.all.filter((seat) => isOf(tier, seat) && !search.tried.has(seat));
      if (among.length === 0) continue;
      for (const seat of among) seat.weight = seat.member.weight * seat.backend.standing.share(at);
      return this.#pick(among, search.exchange);
    }
    return null;
  }

  #pick(among: readonly Seat[], exchange: Exchange): Seat | null {
    const { sticky, by } = this.#group.rules;
    const key =
      sticky?.by === 'address'
        ? householdOf(exchange.from.ip)
        : sticky?.by === 'header'
          ? fieldValue(exchange.http?.fields ?? [], sticky.name)
          : undefined;
    if (key !== undefined) return byKey(among, key);
    return by === 'least' ? byLoad(among) : byTurns(among);
  }

  /** The backend that the visitor's cookie names, as long as it is there: also one that gets nobody new. */
  #stuck({ exchange, tried }: Search): Seat | null {
    if (this.#group.rules.sticky?.by !== 'cookie') return null;
    const token = this.#cookie.read(exchange);
    if (token === null) return null;
    return this.#seats.all.find((seat) => seat.token === token && !tried.has(seat) && seat.backend.standing.isUp) ?? null;
  }

  #ownField({ exchange }: Search, { token }: Seat) {
    if (this.#group.rules.sticky?.by !== 'cookie' || exchange.http === null) return null;
    return this.#cookie.read(exchange) === token ? null : this.#cookie.write(token, exchange);
  }
}

/** Whoever is away is taken where nobody else is: a check may lie. */
function isOf({ up, emergency }: (typeof tiers)[number], { member, backend }: Seat): boolean {
  return member.weight > 0 && member.emergency === emergency && (!up || backend.standing.isUp);
}

function isOpenTo({ tried }: Search, seat: Seat): boolean {
  return seat.member.weight > 0 && !tried.has(seat) && seat.backend.standing.isUp;
}
