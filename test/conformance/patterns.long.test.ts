/**
 * Patterns that need much work, on texts that match at the end of it: where the official package returns within some
 * tens of milliseconds, the result here is the same.
 */
import { describe, expect, it } from "vitest"
import { inBoth } from "./support/compareWorlds.js"
import { officialSdk, ourSdk } from "./support/sdk.js"
import { object, type Tree } from "./support/tree.js"
import type { World } from "./support/world.js"

interface Family {
  readonly pattern: string
  readonly text: (size: number) => string
  readonly sizes: ReadonlyArray<number>
}

const families: Readonly<Record<string, Family>> = {
  "repetitions of repetitions": {
    pattern: "^(?:(a+)+\\1c|a*b)$",
    text: size => `${"a".repeat(size)}b`,
    sizes: [5, 10, 14, 17, 18, 20, 40]
  },
  "alternatives that are alike": {
    pattern: "^(?:(?:a|a)*(?=c)|a*b$)",
    text: size => `${"a".repeat(size)}b`,
    sizes: [5, 12, 16, 18, 30]
  },
  "words from every position": {
    pattern: "\\w+\\bfoo|!",
    text: size => `${"a".repeat(size)}!`,
    sizes: [100, 700, 1_200]
  },
  "anything from every boundary": {
    pattern: "\\b.*\\bx|!",
    text: size => `${"a b ".repeat(size)}!`,
    sizes: [20, 100, 250]
  },
  "two back-references": { pattern: "(.*)(.*)\\1\\2x|!$", text: size => `${"a".repeat(size)}!`, sizes: [10, 50, 90] },
  "back-references without case": {
    pattern: "(?i)(\\w+) \\1$",
    text: size => `${"ab ".repeat(size)}Éx éX`,
    sizes: [10, 500]
  },
  "a look-ahead at every character": {
    pattern: "^(?:(?!foo).)*bar$",
    text: size => `${"fo ".repeat(size)}bar`,
    sizes: [100, 10_000, 30_000]
  },
  "a look-ahead to the end from every position": {
    pattern: "(?=.*z)q|!$",
    text: size => `${"a".repeat(size)}!`,
    sizes: [500, 1_500, 3_000]
  },
  "a look-behind of no fixed length": {
    pattern: "(?<=a{1,20})x|!",
    text: size => `${"a".repeat(size)}!`,
    sizes: [1_000, 50_000]
  },
  "an atomic group": { pattern: "(?>a+)c|!", text: size => `${"a".repeat(size)}!`, sizes: [500, 1_500, 3_000] },
  "a condition": { pattern: "^(a)?(?(1)b|c)+\\b!$", text: size => `a${"b".repeat(size)}!`, sizes: [10, 10_000] },
  "an automaton with many states": {
    pattern: "[ab]*a[ab]{300}c",
    text: size =>
      `${Array.from({ length: size }, (_, i) => "ab"[(i * 2_654_435_761) & (1 << 13) ? 1 : 0]).join("")}a${"b".repeat(300)}c`,
    sizes: [10, 1_000, 4_000]
  },
  "counted repetitions in each other": {
    pattern: "^(?:[a-z]{1,50}){1,50}$",
    text: size => "a".repeat(size),
    sizes: [10, 100, 300]
  },
  "letters beyond ASCII": {
    pattern: "^(?:(?!плохо)[\\w\\s])*\\b!$",
    text: size => `${"хорошо ".repeat(size)}ё!`,
    sizes: [10, 1_000, 10_000]
  },
  "many different letters": {
    pattern: "^[\\p{L}\\p{N}]+$",
    text: size => String.fromCodePoint(...Array.from({ length: size }, (_, i) => 0x4e00 + i)),
    sizes: [10, 5_000, 20_000]
  },
  "a domain": {
    pattern: "^(?=.{1,2000}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[a-z]{2,}\\b$",
    text: size => `${"sub-domain.".repeat(size)}com`,
    sizes: [1, 20, 150]
  },
  "a password": {
    pattern: "^(?=.*[a-z])(?=.*[A-Z])(?=.*\\d)(?=.*[^\\w\\s]).{8,}$",
    text: size => `${"a".repeat(size)}A1!`,
    sizes: [10, 1_000, 50_000]
  }
}

const worldOf = ({ pattern, sizes, text }: Family): World => ({
  payload: object({
    has_updates: true,
    time: 1,
    feature_gates: object({
      matches: object({
        type: "feature_gate",
        entity: "feature_gate",
        salt: "",
        enabled: true,
        defaultValue: false,
        idType: "userID",
        rules: [
          object({ name: "r", id: "r", passPercentage: 100, returnValue: true, conditions: ["c"], idType: "userID" })
        ]
      })
    }),
    dynamic_configs: object({}),
    layer_configs: object({}),
    condition_map: object({
      c: object({ type: "user_field", field: "f", operator: "str_matches", targetValue: pattern, idType: "userID" })
    }),
    experiment_to_layer: object({})
  }),
  users: sizes.flatMap(size => [text(size), `${text(size)}?`].map(f => userOf(f))),
  options: object({})
})

const userOf = (f: Tree) => ({ fields: object({ userID: "u", custom: object({ f }) }), assigned: object({}) })

describe("a pattern that needs much work", () => {
  it.each(Object.entries(families))("matches as officially: %s", async (_, family) => {
    const world = worldOf(family)
    await inBoth(officialSdk, ourSdk, world, (expected, actual) => {
      const answers = ({ ask }: typeof expected) =>
        world.users.map((_, user) => ask(user, { kind: "checkGate", name: "matches", logged: false }))
      const official = answers(expected)
      expect(official).toContain(true)
      expect(answers(actual)).toEqual(official)
    })
  })
})
