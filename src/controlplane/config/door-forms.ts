/** The page of a service on which visitors who signed in open doors to other services, for the address that they come from. */

import type { AddressDoor, Admits, DoorTerms } from '../../contracts/address-doors.ts';
import type { Form, FormAnswer } from '../../contracts/guard.ts';
import type { Tools } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import { doorPage, doorPath, type DoorPage, type DoorRow, type ShownDoor } from '../../core/pages/door.ts';
import { errorReply } from '../../core/pages/error.ts';
import { ownFields } from '../../core/pages/page.ts';
import { say } from '../../core/pages/say.ts';
import { hoursCheck } from './hours-check.ts';
import { doorNetwork } from '../../core/policy/door-network.ts';
import type { Exchange, Identity } from '../../core/policy/exchange.ts';
import { judge } from '../../core/policy/judge.ts';
import type { Tree } from '../../core/policy/route.ts';

/** A service with a door, and whom it is for. */
export type DoorOffer = Readonly<{ service: string; terms: DoorTerms; admits: Admits }>;

export type DoorPlace = Readonly<{
  /** The service with the page, and its guards that say who somebody is. */
  web: string;
  signIn: Tree;
  offers: readonly DoorOffer[];
  tools: Pick<Tools, 'doors' | 'now' | 'users' | 'keys'>;
}>;

/** Signing in is the service's own: who has not done so sees its face, here as everywhere. */
export function doorForms(place: DoorPlace): readonly Form[] {
  return [
    { method: 'GET', path: doorPath, handle: (exchange) => withIdentity(exchange, place, (who) => shown(exchange, who, place)) },
    {
      method: 'POST',
      path: doorPath,
      handle: (exchange, { fields }) => withIdentity(exchange, place, (who) => acted(exchange, who, fields, place)),
    },
  ];
}

/** Judged as a request to the service would be, with each of its guards' own look at forged ones. */
async function withIdentity(
  exchange: Exchange,
  { signIn, tools }: DoorPlace,
  work: (who: Identity) => FormAnswer | Promise<FormAnswer>,
): Promise<FormAnswer> {
  if (exchange.listener.scheme !== 'https') return refused('credentials-missing', 'a door is opened over HTTPS only');
  const route = { name: 'door', service: null, identify: signIn, authorize: [hoursCheck(tools).check], meter: [] };
  const outcome = await judge(exchange, route, () => Promise.resolve(null));
  if (outcome.is === 'refuse') return { is: 'challenge', code: outcome.code, why: outcome.why, answer: outcome.answer };
  const who = outcome.exchange.identity;
  if (who === null || who.by === 'address' || who.by === 'nothing') return refused('credentials-missing', 'an address is no login');
  return work(who);
}

async function acted(exchange: Exchange, who: Identity, fields: URLSearchParams, place: DoorPlace): Promise<FormAnswer> {
  try {
    const [deed, service, id] = ['do', 'service', 'id'].map((name) => only(fields, name));
    if (deed === 'open' && typeof service === 'string') return await open(exchange, who, service, place);
    if (deed === 'close' && typeof id === 'string') return await close(who, id, place);
    return refused('body-malformed', 'the form of the doors was sent in another form', exchange);
  } catch (error) {
    const code = error instanceof SallyportError ? error.code : 'store-unavailable';
    if (code !== 'doors-exceeded') return refused(code, 'the door could not be opened or closed', exchange);
    const fault = { text: say(exchange, 'door.exceeded'), status: 429 };
    return { is: 'challenge', code, why: 'as many doors are open as may be', answer: shown(exchange, who, place, fault) };
  }
}

async function open(exchange: Exchange, who: Identity, service: string, place: DoorPlace): Promise<FormAnswer> {
  const offer = place.offers.find((each) => each.service === service);
  if (offer === undefined || !offer.admits(who)) return refused('rule-denied', 'no door that is open to this person', exchange);
  const { forMs, cuts, prefix6 } = offer.terms;
  const network = doorNetwork(exchange.from.ip, prefix6);
  if (network === null) {
    const fault = { text: say(exchange, 'door.address'), status: 403 };
    return { is: 'challenge', code: 'address-denied', why: 'the address cannot be told', answer: shown(exchange, who, place, fault) };
  }
  const { subject, name, guard, roles } = who;
  const session = who.session ?? null;
  const door = { service, web: place.web, host: exchange.host, network, subject, name, guard, roles, session, forMs, cuts };
  const { expires } = await place.tools.doors.open(door);
  return back(`${service} is open for ${network} until ${new Date(expires).toISOString()}.\n`);
}

async function close(who: Identity, id: string, { tools }: DoorPlace): Promise<FormAnswer> {
  const own = tools.doors.list().find((door) => door.id === id && isOf(door, who));
  if (own !== undefined) await tools.doors.close(id);
  // One that has ended meanwhile is closed: that is what was wanted.
  return back('Closed.\n');
}

function shown(exchange: Exchange, who: Identity, { offers, tools }: DoorPlace, fault?: DoorPage['fault']) {
  const own = tools.doors.list().filter((door) => isOf(door, who));
  const rows = offers
    .filter(({ admits }) => admits(who))
    .map(({ service, terms }): DoorRow => {
      const network = doorNetwork(exchange.from.ip, terms.prefix6);
      const ofService = own.filter((door) => door.service === service);
      const here = ofService.find((door) => door.network === network) ?? null;
      return { service, forMs: terms.forMs, open: here, others: ofService.filter((door) => door !== here).map(shortened) };
    });
  const widest = Math.min(...offers.map(({ terms }) => terms.prefix6));
  const wide = exchange.from.ip.includes(':') && widest < 128 ? doorNetwork(exchange.from.ip, widest) : null;
  return doorPage(exchange, {
    name: who.name,
    address: exchange.from.ip,
    network: wide,
    relayed: exchange.listener.via === 'relay',
    rows,
    session: who.session !== undefined,
    now: tools.now(),
    ...(fault === undefined ? {} : { fault }),
  });
}

/** One address is written as one. */
function shortened({ id, network, expires }: AddressDoor): ShownDoor {
  return { id, network: network.replace(/\/(?:32|128)$/, ''), expires };
}

/** A link or a short code may be known to many, who are not shown to each other. */
const isShared = /^(?:link|pin):/;

function isOf(door: AddressDoor, { subject, session }: Identity): boolean {
  return door.subject === subject && (!isShared.test(subject) || door.session === (session ?? null));
}

function back(body: string): FormAnswer {
  return { status: 303, fields: [['Location', doorPath], ...ownFields('text/plain; charset=utf-8')], body };
}

function refused(code: Extract<FormAnswer, { is: 'challenge' }>['code'], why: string, exchange: Exchange | null = null): FormAnswer {
  return { is: 'challenge', code, why, answer: exchange === null ? null : errorReply(exchange, code) };
}

/** The value of a field that stands once; two of one name are no answer. */
function only(fields: URLSearchParams, name: string): string | null {
  const [value, ...rest] = fields.getAll(name);
  return value === undefined || rest.length > 0 ? null : value;
}
