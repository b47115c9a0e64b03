/** The one way in which bytes become text while a head is read: Latin-1, a character a byte. */

/** Reads `bytes[start, end)` as Latin-1. The data plane hands in the runtime's native one. */
export type Latin1 = (bytes: Uint8Array, start: number, end: number) => string;

/** The reference reading: pure, and fast enough for everything but the data plane. */
export const latin1: Latin1 = (bytes, start, end) => {
  let text = '';
  for (let at = start; at < end; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(at + 4096, end)));
  }
  return text;
};
