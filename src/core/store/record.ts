/** What may be a key and a value in a store: one rule for all of them. */

const key = /^[A-Za-z0-9._~@:-]+(?:\/[A-Za-z0-9._~@:-]+)*$/;
const prefix = /^(?:[A-Za-z0-9._~@:-]+\/)*[A-Za-z0-9._~@:-]*$/;

/** In bytes; every character of a key is one. NATS allows as much in a subject. */
export const keyBytesMax = 512;
/** In bytes of JSON as UTF-8. NATS takes 1 MB a message; what we keep is small. */
export const valueBytesMax = 65_536;
/** Past it the counters nearest to their end are forgotten: an attacker who makes many loses his own first. */
export const countersMax = 100_000;

const encoder = new TextEncoder();

/** Throws when `text` is no key: whoever made it from a stranger's words has not looked at them. */
export function checkKey(text: string): string {
  if (text.length > keyBytesMax || !key.test(text)) throw new RangeError(`not a store key: ${JSON.stringify(text.slice(0, 80))}`);
  return text;
}

/** Throws when `text` cannot begin a key. Empty begins every key. */
export function checkPrefix(text: string): string {
  if (text.length > keyBytesMax || !prefix.test(text))
    throw new RangeError(`not a prefix of store keys: ${JSON.stringify(text.slice(0, 80))}`);
  return text;
}

/** The value as JSON text. Throws when it is no JSON or longer than `valueBytesMax`. */
export function encodeValue(value: unknown): string {
  // JSON.stringify gives undefined for what JSON does not know, whatever its declared type says.
  const text: unknown = JSON.stringify(value);
  if (typeof text !== 'string') throw new TypeError('a store keeps JSON and nothing else');
  if (text.length > valueBytesMax || encoder.encode(text).length > valueBytesMax) {
    throw new RangeError(`a store's value has ${valueBytesMax} bytes at most`);
  }
  return text;
}
