/** From a name and a path to the service that has this place. */

import type { Form } from '../../contracts/guard.ts';
import type { Service } from '../../contracts/snapshot.ts';
import { canonicalPath, decidePath, isWithin } from '../../core/http/path.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Route } from '../../core/policy/route.ts';
import { joinedForms } from './access.ts';
import type { Behind } from './plan.ts';
import { isFor } from './unread.ts';
import type { Variants } from './variants.ts';
import type { WebPlace } from './web-plan.ts';

export type Placed = Readonly<{
  kind: Behind['is'];
  service: Service;
  variants: Variants;
  /** Where it is meant by a path alone; every other of its names is its own as a whole. */
  places: readonly WebPlace[];
}>;

type Place = Readonly<{ path: string; placed: Placed }>;

/** Below which paths a service has this name of its own; empty for all of it. */
export function pathsAt(places: readonly WebPlace[], host: string): readonly string[] {
  const said = places.filter((place) => place.host === host);
  return said.length === 0 ? [''] : said.map(({ path }) => path);
}

/** Names first, the deeper path before the shallower, then the one service that answers to every name. */
export function placeRouter(all: readonly Placed[]): (exchange: Exchange) => Route<Service> | null {
  const hosts = new Map<string, readonly Place[]>();
  for (const placed of all) {
    for (const host of placed.service.hosts) {
      const places = [...(hosts.get(host) ?? []), ...pathsAt(placed.places, host).map((path) => ({ path, placed }))];
      hosts.set(
        host,
        places.toSorted((left, right) => right.path.length - left.path.length),
      );
    }
  }
  const everywhere = all.find(({ service }) => service.hosts.length === 0) ?? null;
  const doors = new Map(Array.from(hosts, ([host, places]) => [host, doorOf(places)] as const));
  return (exchange) => {
    const places = hosts.get(exchange.host);
    if (places === undefined) return everywhere === null ? null : routeOf(everywhere, exchange);
    const [only] = places;
    if (only !== undefined && places.length === 1 && only.path === '') return routeOf(only.placed, exchange);
    return among(places, doors.get(exchange.host) ?? null, exchange);
  };
}

function among(places: readonly Place[], door: Route<Service> | null, exchange: Exchange): Route<Service> | null {
  const path = exchange.http?.path ?? null;
  // OPTIONS * is about the whole name.
  if (path === null)
    return routeAt(
      places.find((place) => place.path === ''),
      exchange,
    );
  // Signing in is one for the name: no path of a service leads there.
  if (path.clear && isWithin(path.text, '/.sallyport')) return door;
  for (const place of places) {
    if (place.path === '') return routeAt(place, exchange);
    const found = decidePath(path, (text) => isWithin(text, place.path));
    if (found === null) return place.placed.variants.unreadable;
    if (found) return routeAt(place, exchange);
  }
  return null;
}

function routeAt(place: Place | undefined, exchange: Exchange): Route<Service> | null {
  return place === undefined ? null : routeOf(place.placed, exchange);
}

function routeOf({ kind, variants }: Placed, exchange: Exchange): Route<Service> | null {
  return isFor(kind, exchange) ? variants.pick(exchange) : null;
}

/** The forms of all services of a name, at the one that stands at its root, or at the first that is open. */
function doorOf(places: readonly Place[]): Route<Service> | null {
  const services = [...new Set(places.toReversed().map(({ placed }) => placed))];
  const host = services.find(({ service }) => service.open) ?? services[0];
  if (host === undefined) return null;
  const open = services.filter(({ service }) => service.open);
  const ordered = open.map((first) =>
    joinedForms([first, ...open.filter((each) => each !== first)].flatMap(({ service }) => service.forms)),
  );
  const forms = (ordered[0] ?? []).map((form): Form => ({ ...form, handle: byWish(form, { places, open, ordered }) }));
  const service: Service = Object.freeze({
    ...host.service,
    forms,
    guarded: services.some((each) => each.service.guarded),
    asksPassword: services.some((each) => each.service.asksPassword),
  });
  return Object.freeze({ ...host.variants.unreadable, service });
}

type Asked = Readonly<{ places: readonly Place[]; open: readonly Placed[]; ordered: readonly (readonly Form[])[] }>;

/**
 * A form that says where its visitor wants to go (`to`) is answered first by the service that is there: one below `/admin` may
 * ask for a code, where the others of the name are content with a password.
 */
function byWish({ method, path, handle }: Form, { places, open, ordered }: Asked): Form['handle'] {
  const own = ordered.map((forms) => forms.find((form) => form.method === method && form.path === path)?.handle ?? handle);
  return (exchange, input) => {
    const to = canonicalPath(input.fields.get('to') ?? '/');
    const wanted = !to.clear ? undefined : places.find((place) => place.path === '' || isWithin(to.text, place.path));
    const at = wanted === undefined ? -1 : open.indexOf(wanted.placed);
    return (own[at] ?? handle)(exchange, input);
  };
}
