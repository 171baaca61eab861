/**
 * A project of the size of a grown company's, for measurements: 70 gates (holdouts and segments among them), 55
 * experiments, 20 dynamic configs and 12 layers over some 240 conditions, about 430 KB of JSON. A seeded generator
 * makes it, so every run measures the same work.
 *
 * The mixture follows real projects: gates nested up to three deep, holdouts that most experiments share, targeting by
 * long lists of IDs and addresses, versions, countries and user agents, three experiments in a layer.
 */
import { makeBuilder, uuidOf } from "../examples/shop/builder.js"
import type { SpecsPayload } from "../layers/LocalStatsig.js"

/** A gate with one rule that everyone passes: the minimal check. */
export const trivialGate = "always_on"

/** Mulberry32: numbers from 0 to 1 that depend only on the seed. */
export const makeRandom = (seed: number) => {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const integer = (below: number) => Math.floor(next() * below)
  const pick = <A>(items: ReadonlyArray<A>): A => items[integer(items.length)]!
  return { next, integer, pick, chance: (probability: number) => next() < probability }
}

/** What `makeRandom` returns. */
export type Random = ReturnType<typeof makeRandom>

/** As many items as told, each made from its index. */
export const numbered = <A>(count: number, make: (index: number) => A): Array<A> =>
  Array.from({ length: count }, (_, index) => make(index))

const countries = ["US", "CA", "GB", "DE", "FR", "IN", "BR", "JP", "AU", "NL", "SE", "MX"]
const plans = ["free", "starter", "team", "business", "enterprise"]
const tags = ["admin", "billing", "api", "mobile", "trial", "partner", "churn-risk", "advocate"]
const domains = ["acme.example", "globex.example", "initech.example", "mail.example", "umbrella.example"]
const locales = ["en-US", "en-GB", "de-DE", "fr-FR", "pt-BR", "ja-JP", "es-MX"]
const addresses = ["73.162.10", "24.48.0", "81.2.69", "91.64.12", "90.80.1", "49.36.100", "200.160.2", "126.0.1"]

const agents = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36 Edg/125.0.0.0",
  "Mozilla/5.0 (Windows NT 6.1; Win64; x64; rv:115.0) Gecko/20100101 Firefox/115.0",
  "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 15_8 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0.6099.119 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
  "Mozilla/5.0 (Linux; Android 10; SM-G970F) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36"
]

const userIDOf = (index: number) => uuidOf(`user ${index}`)
const companyIDOf = (index: number) => `company-${10_000 + (index % 900)}`
const emailOf = (index: number) => `person.${index}@${domains[index % domains.length]}`

/** The first IDs are on the lists of the project. */
const listed = 2_000

/** A user as both packages accept it. */
export interface BenchUser {
  userID: string
  customIDs: Record<string, string>
  email: string
  ip: string
  userAgent: string
  locale: string
  appVersion: string
  country?: string
  custom: Record<string, string | number | boolean | Array<string>>
  privateAttributes: Record<string, string>
}

/**
 * Users for `benchSpecs`, all different and the same in each run; most of the first 2,000 are on a list of the project.
 */
export const benchUsers = (count: number): Array<BenchUser> =>
  Array.from({ length: count }, (_, index) => {
    const { chance, integer, next, pick } = makeRandom(index + 1)
    return {
      userID: userIDOf(index),
      customIDs: { stableID: uuidOf(`device ${index}`), companyID: companyIDOf(index) },
      email: emailOf(index),
      ip: `${pick(addresses)}.${1 + integer(254)}`,
      userAgent: pick(agents),
      locale: pick(locales),
      appVersion: `${1 + integer(6)}.${integer(20)}.${integer(10)}`,
      ...(chance(0.4) ? { country: pick(countries) } : {}),
      custom: {
        plan: pick(plans),
        seats: 1 + Math.floor(next() ** 3 * 500),
        tenure_days: integer(2_000),
        signup_date: 1_500_000_000_000 + integer(260_000_000) * 1_000,
        score: Math.round(next() * 1_000) / 10,
        tags: tags.filter(() => chance(0.3)),
        beta: chance(0.1)
      },
      privateAttributes: { department: pick(["sales", "engineering", "support", "finance"]) }
    }
  })

const adjectives = ["new", "fast", "smart", "compact", "shared", "guided", "linked", "nested", "inline", "bulk"]
const nouns = ["editor", "billing", "search", "invite", "report", "export", "sidebar", "comment", "webhook", "audit"]

/** Conditions for rules, registered with the builder: a pool, because teams copy each other's conditions. */
export const makePool = (build: ReturnType<typeof makeBuilder>, { integer }: Random): ReadonlyArray<string> => {
  const { agent, condition, ip, tier, user } = build
  const some = <A>(count: number, make: (index: number) => A): Array<A> =>
    [...new Set(Array.from({ length: count }, () => integer(listed)))].map(make)
  return [
    ...numbered(8, () => user("userID", "any", some(160 + integer(230), userIDOf))),
    ...numbered(5, () => user("email", "any", some(260 + integer(280), emailOf))),
    user("email", "str_ends_with_any", ["@acme.example", "@globex.example"]),
    user("email", "str_contains_any", ["+test", "person.1"]),
    user("email", "str_matches", "^person\\.\\d{1,3}@"),
    ip("any", ["US", "CA"]),
    ip("any", ["DE", "FR", "GB", "NL", "SE"]),
    ip("none", ["US"]),
    user("country", "any", countries.slice(2, 6)),
    user("locale", "str_starts_with_any", ["en", "de"]),
    user("appVersion", "version_gte", "3.0.0"),
    user("appVersion", "version_gt", "4.12.3"),
    user("appVersion", "version_lt", "2.5"),
    agent("os_name", "any", ["iOS", "Android"]),
    agent("os_name", "none", ["Windows"]),
    agent("browser_name", "any", ["Chrome", "Edge", "Chrome Mobile"]),
    agent("browser_version", "version_gte", "120.0.0"),
    user("plan", "any", ["business", "enterprise"]),
    user("plan", "none", ["free"]),
    user("plan", "any_case_sensitive", ["team", "starter"]),
    user("seats", "gte", 50),
    user("seats", "lt", 10),
    user("tenure_days", "gt", 365),
    user("score", "lte", 42.5),
    user("beta", "eq", true),
    user("tags", "array_contains_any", ["admin", "api"]),
    user("tags", "array_contains_all", ["billing", "mobile"]),
    user("signup_date", "after", 1_640_995_200_000),
    user("signup_date", "before", 1_580_000_000_000),
    user("department", "any", ["engineering", "support"]),
    condition({
      type: "unit_id",
      operator: "none",
      targetValue: numbered(150, companyIDOf),
      idType: "companyID"
    }),
    condition({
      type: "unit_id",
      operator: "any",
      targetValue: numbered(60, companyIDOf),
      idType: "companyID"
    }),
    condition({ type: "current_time", operator: "after", targetValue: 1_704_067_200_000 }),
    tier("production", "staging"),
    tier("development")
  ]
}

/** What a payload says beside its specs. */
export const settings = {
  company_id: "company-of-the-bench",
  response_format: "dcs-v2",
  default_environment: "production",
  id_lists: {},
  diagnostics: { initialize: 10_000, dcs: 0, log: 0, get_id_list: 0, download_config_specs: 0 },
  sdk_configs: { sampling_mode: "none", special_case_sampling_rate: 101 },
  sdk_flags: {}
}

/** Creates the project's payload; the caller may change it. */
export const benchSpecs = (): SpecsPayload => {
  const random = makeRandom(20_251)
  const { chance, integer, next, pick } = random
  const build = makeBuilder("bench")
  const { bucket, everyone, fails, passes } = build

  const percent = () => pick([1, 5, 10, 12.5, 25, 33.33, 50, 50, 66.6, 75, 90])
  const nameOf = (kind: string, index: number) =>
    `${adjectives[index % adjectives.length]}_${nouns[Math.floor(index / adjectives.length) % nouns.length]}_${kind}_${index}`

  const pool = makePool(build, random)

  // Gates: 3 holdouts, 7 segments, then 60 in levels; a gate nests gates of the levels below it

  const holdouts = ["holdout_growth", "holdout_platform", "holdout_company"]
  for (const [index, name] of holdouts.entries()) build.holdout(name, 2 + index)

  const segments = numbered(7, index => nameOf("people", index * 7))
  for (const name of segments) {
    build.segment(name, {
      rules: numbered(1 + integer(2), index => ({ name: `Part ${index + 1}`, when: [pick(pool)] }))
    })
  }

  build.gate(trivialGate, { rules: [{ name: "Everyone", when: [everyone] }] })
  const levels: Array<Array<string>> = [segments.map(name => `segment:${name}`), [], [], []]
  for (let index = 0; index < 59; index++) {
    const depth = index < 30 ? 0 : index < 48 ? 1 : index < 55 ? 2 : 3
    const name = nameOf("gate", index)
    const idType = pick(["userID", "userID", "userID", "stableID", "companyID"])
    const targeted = numbered(1 + integer(3), rule => ({
      name: `Targeted ${rule + 1}`,
      when: [
        ...(depth > 0 && rule === 0 ? [(chance(0.8) ? passes : fails)(pick(levels[depth - 1]!.slice(0, 8)))] : []),
        ...numbered(1 + integer(2), () => pick(pool))
      ],
      pass: chance(0.4) ? percent() : 100,
      ...(chance(0.15) ? { samplingRate: 101 } : {})
    }))
    build.gate(name, {
      idType,
      enabled: !chance(0.08),
      rules: [
        ...(chance(0.3) ? [{ name: "Holdout", when: [passes(pick(holdouts))], value: false }] : []),
        ...targeted,
        ...(chance(0.6) ? [{ name: "Everyone", when: [everyone], pass: percent() }] : [])
      ]
    })
    levels[depth]!.push(name)
  }
  /** Gates that everything else nests: teams gate their work on a few well-known gates. */
  const gates = levels.flatMap(names => names.slice(0, 5))

  // Dynamic configs

  const text = (words: number) => numbered(words, () => `${pick(adjectives)} ${pick(nouns)}`).join(", ")
  const values = () => ({
    title: text(2),
    body: text(12 + integer(12)),
    limits: { perMinute: integer(600), perDay: integer(50_000), burst: Math.round(next() * 40) / 10 },
    items: numbered(4 + integer(8), () => `${pick(nouns)}-${integer(1_000)}`),
    enabled: chance(0.5),
    owner: null
  })
  for (let index = 0; index < 20; index++) {
    build.config(nameOf("config", index), values(), {
      rules: numbered(2 + integer(3), rule => ({
        name: `Variant ${rule + 1}`,
        when: [chance(0.35) ? passes(pick(gates)) : pick(pool)],
        value: values(),
        pass: chance(0.3) ? percent() : 100
      }))
    })
  }

  // Experiments: three in each layer, the rest alone

  const parametersOf = (index: number, tag: string) => ({
    [`variant_${index}`]: tag,
    [`headline_${index}`]: text(3),
    [`count_${index}`]: integer(20),
    [`enabled_${index}`]: chance(0.5)
  })
  const makeExperiment = (index: number, idType: string, shared?: Record<string, unknown>): string => {
    const name = nameOf("experiment", index)
    const own = parametersOf(index, "control")
    const arms = chance(0.15) ? ["Control", "Test A", "Test B"] : ["Control", "Test"]
    build.experiment(name, {
      idType,
      defaults: { ...shared, ...own },
      groups: arms.map((arm, position) => ({
        name: arm,
        share: Math.floor(1_000 / arms.length) + (position === 0 ? 1_000 % arms.length : 0),
        value: position === 0 ? {} : parametersOf(index, arm)
      })),
      holdouts: chance(0.7) ? [pick(holdouts)] : [],
      active: !chance(0.08),
      ...(shared === undefined ? {} : { explicitParameters: Object.keys(own) }),
      ...(chance(0.25) ? { targeting: pick(gates) } : {}),
      ...(shared === undefined && chance(0.5) ? { size: pick([200, 500, 800]) } : {})
    })
    return name
  }

  for (let index = 0; index < 12; index++) {
    const name = nameOf("layer", index * 3)
    const idType = pick(["userID", "userID", "stableID"])
    const useNewLayerEval = index % 4 === 3
    const shared = { theme: "light", density: integer(5), copy: text(4), columns: integer(6) }
    const experiments = numbered(3, position =>
      makeExperiment(index * 3 + position, idType, useNewLayerEval ? {} : shared)
    )
    const shuffled = numbered(1_000, position => ({ position, order: next() })).sort((a, b) => a.order - b.order)
    build.layer(name, shared, {
      idType,
      useNewLayerEval,
      experiments,
      rules: experiments.map((experiment, position) => {
        const buckets = shuffled.slice(position * 300, (position + 1) * 300).map(({ position }) => position)
        return {
          name: experiment,
          when: [useNewLayerEval ? pick(pool) : bucket(name, "any", buckets, idType)],
          value: shared,
          configDelegate: experiment
        }
      })
    })
  }
  for (let index = 36; index < 55; index++) {
    makeExperiment(index, pick(["userID", "userID", "stableID", "companyID"]))
  }

  return build.payload(1_760_000_000_000, settings)
}

const tables = ["feature_gates", "dynamic_configs", "layer_configs", "condition_map", "experiment_to_layer"] as const

/** The project many times over in one payload; each copy has its own names and conditions. */
export const benchSpecsTimes = (copies: number): SpecsPayload => {
  const one = benchSpecs()
  const names = new Set(tables.flatMap(table => Object.keys(one[table] ?? {})))
  const { checksum: _, ...rest } = one
  const big = { ...rest, ...Object.fromEntries(tables.map(table => [table, {}])) } as SpecsPayload
  for (let copy = 0; copy < copies; copy++) {
    const renamed = (text: string) => (names.has(text) ? `${text}_${copy}` : text)
    const own = JSON.parse(JSON.stringify(one), (_key, value) =>
      typeof value === "string"
        ? renamed(value)
        : typeof value === "object" && value !== null && !Array.isArray(value)
          ? Object.fromEntries(Object.entries(value).map(([key, member]) => [renamed(key), member]))
          : value
    ) as SpecsPayload
    for (const table of tables) Object.assign(big[table] as object, own[table])
  }
  return big
}
