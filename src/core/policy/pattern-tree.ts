/** Reads a regular expression into a tree: the part of the syntax that needs no looking back, and nothing else. */

/** One character of Latin-1 is one octet: a set says which are meant. */
export type PatternTree =
  | Readonly<{ is: 'set'; set: Uint8Array }>
  | Readonly<{ is: 'sequence'; of: readonly PatternTree[] }>
  | Readonly<{ is: 'either'; of: readonly PatternTree[] }>
  | Readonly<{ is: 'repeat'; of: PatternTree; least: number; most: number | null; greedy: boolean }>
  | Readonly<{ is: 'group'; index: number; of: PatternTree }>;

export type PatternRead = Readonly<{ ok: true; tree: PatternTree; groups: number }> | Readonly<{ ok: false; expected: string }>;

/** A longer one is a program, and nobody can say what it lets in. */
const sourceCharactersMax = 1_000;
const depthMax = 20;

/**
 * Takes literals, `.`, classes, `\d \w \s` and their opposites, groups, `|`, `* + ? {n,m}` (lazy too), and `(?i)` in front.
 * `^` in front and `$` at the end say what holds anyway: a pattern describes the whole text. Refused, with what was expected:
 * lookaround, references back, word boundaries, named groups, what is beyond ASCII.
 */
export function readPattern(source: string): PatternRead {
  const reader = new Reader(source);
  try {
    return { ok: true, tree: reader.whole(), groups: reader.groups };
  } catch (error) {
    if (error instanceof Unreadable) return { ok: false, expected: error.message };
    throw error;
  }
}

class Unreadable extends Error {}

class Reader {
  groups = 0;
  readonly #source: string;
  #at = 0;
  #depth = 0;
  #anyCase = false;

  constructor(source: string) {
    this.#source = source;
  }

  whole(): PatternTree {
    const source = this.#source;
    if (source === '' || source.length > sourceCharactersMax) throw new Unreadable(`a pattern of 1 to ${sourceCharactersMax} characters`);
    if (!/^[\x20-\x7e]+$/.test(source)) throw new Unreadable('a pattern of ASCII characters: others are percent-encoded in a path');
    if (source.startsWith('(?i)')) {
      this.#anyCase = true;
      this.#at = 4;
    }
    if (this.#peek() === '^') this.#at += 1;
    const tree = this.#either();
    if (this.#peek() !== '') throw new Unreadable('a pattern whose brackets are in pairs');
    return tree;
  }

  #peek(): string {
    return this.#source.charAt(this.#at);
  }

  #take(): string {
    const character = this.#source.charAt(this.#at);
    this.#at += 1;
    return character;
  }

  #either(): PatternTree {
    this.#depth += 1;
    if (this.#depth > depthMax) throw new Unreadable(`a pattern of ${depthMax} nested groups at most`);
    const branches = [this.#sequence()];
    while (this.#peek() === '|') {
      this.#at += 1;
      branches.push(this.#sequence());
    }
    this.#depth -= 1;
    return branches.length === 1 && branches[0] !== undefined ? branches[0] : { is: 'either', of: branches };
  }

  #sequence(): PatternTree {
    const of: PatternTree[] = [];
    for (;;) {
      const next = this.#peek();
      if (next === '' || next === '|' || next === ')') return { is: 'sequence', of };
      // The end of the whole text is meant anyway.
      if (next === '$' && this.#at === this.#source.length - 1 && this.#depth === 1) this.#at += 1;
      else of.push(this.#repeated(this.#atom()));
    }
  }

  #atom(): PatternTree {
    const character = this.#take();
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return { is: 'set', set: this.#folded(this.#class()) };
      case '.':
        return { is: 'set', set: anything };
      case '\\':
        return { is: 'set', set: this.#folded(this.#escape()) };
      case '^':
      case '$':
        throw new Unreadable('a pattern of the whole text: ^ and $ stand at its ends only');
      case '*':
      case '+':
      case '?':
      case '{':
        throw new Unreadable(`something before ${character}, or \\${character} for the character itself`);
      default:
        return { is: 'set', set: this.#folded(only(character)) };
    }
  }

  #group(): PatternTree {
    let index: number | null = null;
    if (this.#peek() === '?') {
      if (this.#source.charAt(this.#at + 1) !== ':')
        throw new Unreadable('a pattern without lookaround, named groups and flags inside: such cannot be matched in linear time');
      this.#at += 2;
    } else {
      this.groups += 1;
      index = this.groups;
      if (index > 9) throw new Unreadable('9 groups at most; (?:…) does not count');
    }
    const of = this.#either();
    if (this.#take() !== ')') throw new Unreadable('a pattern whose brackets are in pairs');
    return index === null ? of : { is: 'group', index, of };
  }

  #repeated(of: PatternTree): PatternTree {
    const bounds = this.#bounds();
    if (bounds === null) return of;
    const greedy = this.#peek() !== '?';
    if (!greedy) this.#at += 1;
    if (/^[*+{]/.test(this.#peek())) throw new Unreadable('one repetition at a place, or brackets around it');
    return { is: 'repeat', of, least: bounds[0], most: bounds[1], greedy };
  }

  #bounds(): readonly [number, number | null] | null {
    const next = this.#peek();
    const simple = next === '*' ? ([0, null] as const) : next === '+' ? ([1, null] as const) : next === '?' ? ([0, 1] as const) : null;
    if (simple !== null) {
      this.#at += 1;
      return simple;
    }
    if (next !== '{') return null;
    const match = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(this.#source.slice(this.#at, this.#at + 12));
    if (match === null) throw new Unreadable('{n}, {n,} or {n,m}, or \\{ for the character itself');
    this.#at += match[0].length;
    const least = Number(match[1]);
    const most = match[2] === undefined ? least : match[3] === '' || match[3] === undefined ? null : Number(match[3]);
    if (most !== null && most < least) throw new Unreadable('{n,m} with n not above m');
    return [least, most];
  }

  #escape(): Uint8Array {
    const character = this.#take();
    const named = sets[character.toLowerCase()];
    if (named !== undefined) return character === character.toLowerCase() ? named : named.map((bit) => 1 - bit);
    if (/[1-9]/.test(character)) throw new Unreadable('a pattern without references back: such cannot be matched in linear time');
    if (character === '' || /[a-zA-Z0]/.test(character)) throw new Unreadable('\\d, \\w, \\s, their opposites, or \\ before a sign');
    return only(character);
  }

  #class(): Uint8Array {
    const set = new Uint8Array(256);
    const not = this.#peek() === '^';
    if (not) this.#at += 1;
    // `[]a]` is a class for some engines, and nothing and `a]` for others.
    if (this.#peek() === ']') throw new Unreadable('a class that is not empty, with \\] for the bracket itself');
    while (this.#peek() !== ']') {
      const from = this.#one();
      const character = this.#source.charAt(this.#at + 1);
      if (this.#peek() !== '-' || character === ']' || character === '') {
        for (const [octet, bit] of from.entries()) if (bit === 1) set[octet] = 1;
        continue;
      }
      this.#at += 1;
      const [low, high] = [single(from), single(this.#one())];
      if (low === -1 || high === -1 || low > high) throw new Unreadable('a range like a-z');
      set.fill(1, low, high + 1);
    }
    this.#at += 1;
    return not ? set.map((bit) => 1 - bit) : set;
  }

  /** One member of a class. */
  #one(): Uint8Array {
    const character = this.#take();
    if (character === '') throw new Unreadable('a class that ends with ]');
    return character === '\\' ? this.#escape() : only(character);
  }

  #folded(set: Uint8Array): Uint8Array {
    if (!this.#anyCase) return set;
    const both = set.slice();
    for (let octet = 97; octet <= 122; octet += 1) both[octet] = both[octet - 32] = (set[octet] ?? 0) | (set[octet - 32] ?? 0);
    return both;
  }
}

function single(set: Uint8Array): number {
  const first = set.indexOf(1);
  return first !== -1 && set.indexOf(1, first + 1) === -1 ? first : -1;
}

function only(characters: string): Uint8Array {
  const set = new Uint8Array(256);
  for (let at = 0; at < characters.length; at += 1) set[characters.charCodeAt(at)] = 1;
  return set;
}

const digits = '0123456789';
const anything = new Uint8Array(256).fill(1);
const sets: Readonly<Record<string, Uint8Array>> = {
  d: only(digits),
  w: only(`${digits}_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ`),
  s: only(' \t\n\r\f\v\u00a0'),
};

/** `*`: anything but a slash. */
export const segmentSet: Uint8Array = anything.map((_, octet) => Number(octet !== 47));

/** A text for itself. */
export function literalTree(text: string): PatternTree {
  return { is: 'sequence', of: Array.from(text, (character) => ({ is: 'set', set: only(character) }) as const) };
}

export function anyOfSet(set: Uint8Array = anything): PatternTree {
  return { is: 'repeat', of: { is: 'set', set }, least: 0, most: null, greedy: true };
}
