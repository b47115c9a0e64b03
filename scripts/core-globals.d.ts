/** What core may use beyond the language itself: UTF-8 and base64, which are the same on every platform. Nothing else of Node or the web. */

declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
  encodeInto(text: string, into: Uint8Array): { readonly read: number; readonly written: number };
}

declare class TextDecoder {
  constructor(label?: 'utf-8', options?: { readonly fatal?: boolean; readonly ignoreBOM?: boolean });
  decode(bytes?: Uint8Array, options?: { readonly stream?: boolean }): string;
}

/** Base64 over Latin-1, a character a byte. */
declare function atob(text: string): string;
declare function btoa(bytes: string): string;
