/** Elements of DER (X.690), as far as a list of revoked certificates needs them. Nothing here is believed before its signature is. */

export type Element = Readonly<{
  tag: number;
  /** Where its tag stands, where its content begins, and where it ends. */
  from: number;
  at: number;
  end: number;
}>;

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  /** `[0] EXPLICIT`. */
  context0: 0xa0,
} as const;

/** Longer is nothing that is read here. */
const lengthBytesMax = 4;

/** The element that begins at `at`. Throws RangeError for what is no DER, or goes beyond `end`. */
export function elementAt(bytes: Uint8Array, at: number, end: number): Element {
  const tag = bytes[at] ?? 0;
  const first = bytes[at + 1] ?? 0;
  if (at + 2 > end || (tag & 0x1f) === 0x1f) throw new RangeError('no element of DER');
  const count = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || count > lengthBytesMax || at + 2 + count > end) throw new RangeError('a length that is no DER');
  let length = count === 0 ? first : 0;
  for (let each = 0; each < count; each += 1) length = length * 256 + (bytes[at + 2 + each] ?? 0);
  const content = at + 2 + count;
  // The shortest form only (X.690, 10.1), so that there is one reading.
  if ((count > 0 && (length < 0x80 || (bytes[at + 2] ?? 0) === 0)) || length > end - content)
    throw new RangeError('a length that is no DER');
  return { tag, from: at, at: content, end: content + length };
}

/** What stands in an element, one after the other. Throws RangeError. */
export function* elementsIn(bytes: Uint8Array, { at, end }: Element): Generator<Element, void> {
  for (let next = at; next < end;) {
    const element = elementAt(bytes, next, end);
    yield element;
    next = element.end;
  }
}

/** Not copied: a list may have a hundred thousand. */
function view({ buffer, byteOffset }: Uint8Array, { at, end }: Element): Buffer {
  return Buffer.from(buffer, byteOffset + at, end - at);
}

/** As it stands, with its tag: `2a8648ce3d040302` for an OID's content. */
export function hexOf(bytes: Uint8Array, element: Element): string {
  return view(bytes, element).toString('hex');
}

/** Milliseconds since 1970 (RFC 5280, 5.1.2.4: seconds, and Z). Throws RangeError. */
export function timeOf(bytes: Uint8Array, element: Element): number {
  const text = view(bytes, element).toString('latin1');
  const match = (
    element.tag === tags.utcTime ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
  ).exec(text);
  if (match === null || (element.tag !== tags.utcTime && element.tag !== tags.generalizedTime)) throw new RangeError('a time that is none');
  const [year = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map(Number);
  // RFC 5280, 4.1.2.5.1.
  const whole = element.tag === tags.generalizedTime ? year : year < 50 ? 2000 + year : 1900 + year;
  return Date.UTC(whole, month - 1, day, hours, minutes, seconds);
}
