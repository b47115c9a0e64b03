/** What a rule looks at: made when a configuration is read, asked for each exchange. */

import { contains, parseIp, type Network } from '../address.ts';
import type { Exchange } from './exchange.ts';

/** Null: what was sent can be read in several ways, and they do not agree. Whoever asks must then refuse. */
export type Finding = boolean | null;

/** Pure: the same exchange always finds the same. `words` are for people: `path /admin/**`. */
export type Match = Readonly<{
  words: string;
  finds: (exchange: Exchange) => Finding;
  /** Whether it looks at the visitor's address, which behind a relay is the relay's word. */
  byAddress?: boolean;
}>;

/** A match, or what was expected in place of its text. */
export type MatchMade = Readonly<{ ok: true; match: Match }> | Readonly<{ ok: false; expected: string }>;

/** Matches whatever comes. */
export const always: Match = Object.freeze({ words: 'anything', finds: () => true });

/** All must hold. What is false for certain stays so, whatever the others would say (Kleene's logic). */
export function allOf(of: readonly Match[]): Match {
  const [only] = of;
  if (of.length === 1 && only !== undefined) return only;
  return {
    words: of.map(({ words }) => words).join(' and '),
    byAddress: of.some(({ byAddress }) => byAddress === true),
    finds: (exchange) => {
      let found: Finding = true;
      for (const match of of) {
        const one = match.finds(exchange);
        if (one === false) return false;
        if (one === null) found = null;
      }
      return found;
    },
  };
}

/** One must hold. */
export function anyOf(of: readonly Match[]): Match {
  const [only] = of;
  if (of.length === 1 && only !== undefined) return only;
  return {
    words: `(${of.map(({ words }) => words).join(' or ')})`,
    byAddress: of.some(({ byAddress }) => byAddress === true),
    finds: (exchange) => {
      let found: Finding = false;
      for (const match of of) {
        const one = match.finds(exchange);
        if (one === true) return true;
        if (one === null) found = null;
      }
      return found;
    },
  };
}

export function not(match: Match): Match {
  return {
    words: `not (${match.words})`,
    byAddress: match.byAddress === true,
    finds: (exchange) => {
      const found = match.finds(exchange);
      return found === null ? null : !found;
    },
  };
}

/** Methods as they are written: they are case-sensitive (RFC 9110, 9.1). */
export function methodMatch(methods: readonly string[]): Match {
  const wanted = new Set(methods);
  return {
    words: `method ${methods.join(' or ')}`,
    finds: ({ http }) => (http === null ? null : wanted.has(http.method)),
  };
}

/**
 * A canonical name, or `*.` before one: exactly one label more, as in a certificate (RFC 6125, 6.4.3); `**.`: one or more.
 * @param name canonical, with its stars
 */
export function hostMatch(name: string): Match {
  const deep = name.startsWith('**.');
  const tail = deep ? name.slice(2) : name.startsWith('*.') ? name.slice(1) : null;
  return {
    words: `host ${name}`,
    finds: ({ host }) => {
      if (host === '') return null;
      if (tail === null) return host === name;
      const label = host.length - tail.length;
      return label > 0 && host.endsWith(tail) && (deep || !host.slice(0, label).includes('.'));
    },
  };
}

/** The visitor's address. Behind a relay it is the relay's word. */
export function addressMatch(networks: readonly Network[]): Match {
  return {
    words: `from ${networks.map(({ text }) => text).join(' or ')}`,
    byAddress: true,
    finds: ({ from }) => {
      const ip = parseIp(from.ip);
      return ip === null ? null : networks.some((network) => contains(network, ip));
    },
  };
}
