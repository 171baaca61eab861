/** All that the engine takes from its surroundings beyond the language: what browsers, workers and Node have alike. */

declare class TextEncoder {
  encode(text: string): Uint8Array
  encodeInto(text: string, into: Uint8Array): { read: number; written: number }
}

declare class TextDecoder {
  constructor(encoding: "utf-8", options: { ignoreBOM: boolean })
  decode(bytes: Uint8Array): string
}

declare const btoa: (text: string) => string
