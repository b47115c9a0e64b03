/** Finds the parts of a head in its bytes, octet by octet, alike at every split: grammar only, no meaning. */

import { type Fault, fault } from '../errors.ts';
import { KeptBytes } from './kept-bytes.ts';
import {
  carriageReturn,
  colon,
  digit,
  valueOctet,
  lineFeed,
  pathOctet,
  queryOctet,
  questionMark,
  space,
  tab,
  tokenOctet,
} from './octets.ts';

export type StartLine = 'request' | 'status' | 'none';

/** What a section may grow to before it is refused. */
export type SectionLimits = Readonly<{ bytesMax: number; fieldsMax: number; targetBytesMax: number }>;

/** The parts of a start line and of the fields after it, in the order of the grammar (RFC 9112, 3 and 5). */
// oxfmt-ignore
const phases = {
  method: 0, path: 1, query: 2, version: 3, versionEnd: 4, status: 5, reason: 6, startLineEnd: 7,
  line: 8, name: 9, before: 10, value: 11, lineEnd: 12, sectionEnd: 13, done: 14,
} as const;

const firstPhase = { request: phases.method, status: phases.version, none: phases.line } as const;
const protocol = [72, 84, 84, 80, 47, 49, 46]; // "HTTP/1."
/** RFC 9110, 9.1 has no bound; the longest registered method is UPDATEREDIRECTREF (17). */
const methodBytesMax = 32;

/**
 * A resumable scanner. Nothing is read twice, and the first octet that cannot stand where it stands refuses
 * the whole, so that the verdict does not depend on how the bytes were cut.
 */
export class HeadScanner {
  /** The section lies in `bytes` from `base`; the marks below count from `base`. Valid after `take` gave a number. */
  bytes: Uint8Array;
  base = 0;
  length = 0;
  minor: 0 | 1 = 1;
  methodEnd = 0;
  targetStart = 0;
  queryAt = -1;
  targetEnd = 0;
  statusStart = 0;
  reasonStart = 0;
  reasonEnd = 0;
  count = 0;
  /** Four marks a field: name from and to, value from and to (optional whitespace cut). Good until another section is scanned. */
  marks: Int32Array;

  readonly #start: StartLine;
  readonly #limits: SectionLimits;
  #phase: number;
  readonly #kept: KeptBytes;
  #matched = 0;
  #from = 0;
  #fault: Fault | null = null;

  constructor(start: StartLine, limits: SectionLimits) {
    this.#start = start;
    this.#limits = limits;
    this.#phase = firstPhase[start];
    this.#kept = new KeptBytes(limits.bytesMax);
    this.bytes = nothing;
    if (common.length < limits.fieldsMax * 4) common = new Int32Array(limits.fieldsMax * 4);
    this.marks = common;
  }

  /** Whether bytes of an unfinished section are kept. */
  get started(): boolean {
    return this.#kept.length > 0;
  }

  /** Reads on from `chunk[at]`: the index after the section, a fault, or null when more is needed. */
  take(chunk: Uint8Array, at: number): number | Fault | null {
    if (this.#fault !== null) return this.#fault;
    if (this.#phase === phases.done) this.#reset();
    const before = this.#kept.length;
    if (before === 0) {
      this.bytes = chunk;
      this.base = at;
      this.marks = common;
    } else {
      this.#kept.append(chunk, at);
      this.bytes = this.#kept.bytes;
      this.base = 0;
    }
    const available = before === 0 ? chunk.length - at : this.#kept.length;
    const stop = this.base + Math.min(available, this.#limits.bytesMax);
    const found = this.#scan(this.base + before, stop);
    if (found !== null) return this.#refuse(found);
    if (this.#phase === phases.done) {
      this.#kept.length = 0;
      return at + this.length - before;
    }
    const { bytesMax } = this.#limits;
    if (stop - this.base === bytesMax) return this.#refuse(fault('head-too-large', `more than ${bytesMax} bytes`));
    if (before === 0) {
      this.#kept.append(chunk, at);
      this.marks = common.slice(0, this.#limits.fieldsMax * 4);
    }
    return null;
  }

  #refuse(found: Fault): Fault {
    this.#fault = found;
    return found;
  }

  /** It has been read: the memory that it lay in is let go. */
  release(): void {
    this.bytes = nothing;
    this.#kept.clear();
  }

  #reset(): void {
    this.#phase = firstPhase[this.#start];
    this.count = 0;
    this.queryAt = -1;
    this.#matched = 0;
    this.#from = 0;
  }

  #scan(from: number, stop: number): Fault | null {
    let p: number | Fault = from;
    if (this.#phase < phases.version) p = this.#scanRequestLine(from, stop);
    if (typeof p === 'number' && this.#phase >= phases.version && this.#phase < phases.line) p = this.#scanStart(p, stop);
    if (typeof p === 'number' && this.#phase >= phases.line) p = this.#scanFields(p, stop);
    return typeof p === 'number' ? null : p;
  }

  #scanRequestLine(from: number, stop: number): number | Fault {
    const { bytes, base } = this;
    let p = from;
    if (this.#phase === phases.method) {
      while (p < stop && tokenOctet[bytes[p] as number] === 1) p += 1;
      if (p - base > methodBytesMax) return fault('method-refused', `a method of more than ${methodBytesMax} characters`);
      if (p === stop) return p;
      if (bytes[p] !== space || p === base) return fault('head-malformed', 'no method and space at the start of the request line');
      this.methodEnd = p - base;
      p += 1;
      this.targetStart = p - base;
      this.#phase = phases.path;
    }
    if (this.#phase === phases.path) {
      while (p < stop && pathOctet[bytes[p] as number] === 1) p += 1;
      if (p < stop && bytes[p] === questionMark) {
        this.queryAt = p - base;
        this.#phase = phases.query;
      }
    }
    if (this.#phase === phases.query) while (p < stop && queryOctet[bytes[p] as number] === 1) p += 1;
    const length = p - base - this.targetStart;
    if (length > this.#limits.targetBytesMax) return fault('target-too-long', `a target of more than ${this.#limits.targetBytesMax} bytes`);
    if (p === stop) return p;
    if (bytes[p] !== space || length === 0) return fault('target-malformed', 'an octet in the request target that cannot stand there');
    this.targetEnd = p - base;
    this.#phase = phases.version;
    return p + 1;
  }

  /** From the version to the end of the start line. */
  #scanStart(from: number, stop: number): number | Fault {
    const { bytes, base } = this;
    let p = from;
    for (; p < stop && this.#phase === phases.version; p += 1) {
      const octet = bytes[p] as number;
      if (this.#matched === protocol.length) {
        if (octet !== 48 && octet !== 49) return wrongVersion(this.#matched, octet);
        this.minor = octet === 48 ? 0 : 1;
        this.#phase = this.#start === 'request' ? phases.startLineEnd : phases.versionEnd;
        this.#matched = 0;
      } else if (octet === protocol[this.#matched]) this.#matched += 1;
      else return wrongVersion(this.#matched, octet);
    }
    if (p < stop && this.#phase === phases.versionEnd) {
      if (bytes[p] !== space) return fault('head-malformed', 'no space after the version');
      p += 1;
      this.statusStart = p - base;
      this.#phase = phases.status;
    }
    while (p < stop && this.#phase === phases.status) {
      const wanted = p - base - this.statusStart;
      const octet = bytes[p] as number;
      if (wanted < 3 && (digit[octet] !== 1 || (wanted === 0 && octet === 48)))
        return fault('head-malformed', 'a status that is not three digits');
      // The space before an empty reason is often left out (RFC 9112, 4 wants it); nothing can be read differently.
      if (wanted === 3) {
        if (octet !== space && octet !== carriageReturn) return fault('head-malformed', 'no space after the status');
        this.reasonStart = p - base + (octet === space ? 1 : 0);
        this.#phase = phases.reason;
      }
      if (octet !== carriageReturn) p += 1;
    }
    if (this.#phase === phases.reason) {
      while (p < stop && valueOctet[bytes[p] as number] === 1) p += 1;
      if (p < stop) {
        this.reasonEnd = p - base;
        this.#phase = phases.startLineEnd;
      }
    }
    return p < stop && this.#phase === phases.startLineEnd ? this.#scanStartLineEnd(p, stop) : p;
  }

  #scanStartLineEnd(from: number, stop: number): number | Fault {
    let p = from;
    if (this.#matched === 0) {
      if (this.bytes[p] !== carriageReturn) return fault('head-malformed', 'a start line that does not end in CRLF');
      this.#matched = 1;
      p += 1;
    }
    if (p === stop) return p;
    // A bare CR is refused (RFC 9112, 2.2).
    if (this.bytes[p] !== lineFeed) return fault('head-malformed', 'a bare CR after the start line');
    this.#phase = phases.line;
    return p + 1;
  }

  /** Field lines (RFC 9112, 5): no folding, no whitespace around names, CRLF at each end. */
  #scanFields(from: number, stop: number): number | Fault {
    const { bytes, base, marks } = this;
    let p = from;
    while (p < stop) {
      if (this.#phase === phases.line) {
        const octet = bytes[p] as number;
        if (octet === carriageReturn) this.#phase = phases.sectionEnd;
        else {
          if (tokenOctet[octet] !== 1)
            return fault('field-malformed', octet === space || octet === tab ? 'a folded line' : 'a field line without a name');
          if (this.count === this.#limits.fieldsMax) return fault('fields-too-many', `more than ${this.#limits.fieldsMax} fields`);
          this.#from = p - base;
          this.#phase = phases.name;
        }
        p += 1;
      }
      if (this.#phase === phases.name) {
        while (p < stop && tokenOctet[bytes[p] as number] === 1) p += 1;
        if (p === stop) return p;
        if (bytes[p] !== colon) return fault('field-malformed', 'a field name that is not a token before a colon');
        marks[this.count * 4] = this.#from;
        marks[this.count * 4 + 1] = p - base;
        this.#phase = phases.before;
        p += 1;
      }
      if (this.#phase === phases.before) {
        while (p < stop && (bytes[p] === space || bytes[p] === tab)) p += 1;
        if (p === stop) return p;
        this.#from = p - base;
        this.#phase = phases.value;
      }
      if (this.#phase === phases.value) {
        while (p < stop && valueOctet[bytes[p] as number] === 1) p += 1;
        if (p === stop) return p;
        if (bytes[p] !== carriageReturn) return fault('field-malformed', 'an octet in a field value that cannot stand there');
        this.#endValue(p);
        p += 1;
        this.#phase = phases.lineEnd;
      } else if (this.#phase === phases.lineEnd) {
        if (bytes[p] !== lineFeed) return fault('field-malformed', 'a bare CR in a field line');
        this.#phase = phases.line;
        p += 1;
      } else if (this.#phase === phases.sectionEnd) {
        if (p === stop) return p;
        if (bytes[p] !== lineFeed) return fault('head-malformed', 'a bare CR at the end of the head');
        this.#phase = phases.done;
        this.length = p + 1 - base;
        return p + 1;
      }
    }
    return p;
  }

  /** Cuts optional whitespace behind the value and keeps its marks. */
  #endValue(end: number): void {
    const { bytes, base, marks } = this;
    let last = end - base;
    while (last > this.#from && (bytes[base + last - 1] === space || bytes[base + last - 1] === tab)) last -= 1;
    marks[this.count * 4 + 2] = this.#from;
    marks[this.count * 4 + 3] = last;
    this.count += 1;
  }
}

const nothing = new Uint8Array(0);

/** For sections that come in one piece, which is nearly all: what is read at once needs no marks of its own connection. */
let common = new Int32Array(0);

/** `HTTP/` and a digit is another version (505); anything else is no HTTP at all. */
function wrongVersion(matched: number, octet: number): Fault {
  const isDigit = digit[octet] === 1;
  if (isDigit && (matched === 5 || matched === 7)) return fault('version-refused', 'neither HTTP/1.0 nor HTTP/1.1');
  return fault('head-malformed', 'no HTTP version at the end of the request line');
}
