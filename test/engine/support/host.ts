import type { Host } from "../../../src/engine/conditions/conditions.js"

/** A host that provides nothing, at a fixed time. */
export const makeHost = (parts: Partial<Host> = {}): Host => ({
  now: () => 1_760_000_000_000,
  random: () => 0.5,
  parseUserAgent: () => null,
  lookupCountry: () => null,
  isInIdList: () => false,
  environment: undefined,
  globalCustomFields: undefined,
  ...parts
})
