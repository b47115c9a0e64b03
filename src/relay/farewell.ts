/** What is told to whoever is turned away before anything of theirs was read. */

/** A fatal alert, internal_error (RFC 8446, 6.2), in the clear: no keys exist yet. */
export const tlsFarewell: Uint8Array = Uint8Array.from([21, 3, 3, 0, 2, 2, 80]);

const words = 'There is too much to do at the moment.\n';

export const plainFarewell: Uint8Array = new TextEncoder().encode(
  `HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${words.length}\r\n` +
    `Retry-After: 5\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${words}`,
);
