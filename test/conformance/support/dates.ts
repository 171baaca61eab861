/** Date texts, generated from the grammar of Rust's `chrono`, and worlds whose conditions compare them. */
import type { Random } from "./random.js"
import { object, type Tree } from "./tree.js"
import type { World } from "./world.js"

/** White space in Rust. The first few are written most often; then come those of two and of three bytes. */
const spaces = [
  ..." \t\n\v\f\r",
  "\u0085",
  "\u00a0",
  "\u1680",
  "\u2000",
  "\u2028",
  "\u2029",
  "\u202f",
  "\u205f",
  "\u3000"
]

/** White space elsewhere. */
const noSpaces = ["\u200b", "\ufeff", "\u180e", "\u2060", "\u001c", "\0"]

const space = (random: Random): string => (random.chance(0.7) ? " " : random.pick(spaces))

const someSpace = (random: Random, chance: number): string =>
  random.chance(chance) ? random.times(random.between(1, random.chance(0.9) ? 1 : 4), () => space(random)).join("") : ""

interface Fields {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
}

const fieldsOf = (millis: number): Fields => {
  const date = new Date(millis)
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds()
  }
}

/** Values at the limits of a field and beyond them. */
const limits: { readonly [field in keyof Fields]: ReadonlyArray<number> } = {
  year: [
    0,
    1,
    99,
    100,
    999,
    1000,
    1600,
    1900,
    2000,
    9999,
    10_000,
    262_142,
    262_143,
    -1,
    -4,
    -262_143,
    -262_144,
    2 ** 31
  ],
  month: [0, 1, 2, 12, 13],
  day: [0, 1, 28, 29, 30, 31, 32, 99],
  hour: [0, 23, 24, 99],
  minute: [0, 59, 60, 99],
  second: [0, 59, 60, 61, 99]
}

/** Sometimes sets a field to a limit. */
const atLimits = (random: Random, fields: Fields): Fields => {
  if (!random.chance(0.25)) return fields
  const changed: { -readonly [field in keyof Fields]: number } = { ...fields }
  for (const field of Object.keys(limits) as Array<keyof Fields>) {
    if (random.chance(0.25)) changed[field] = random.pick(limits[field])
  }
  return changed
}

const digits = (number: number, width: number): string => String(Math.abs(number)).padStart(width, "0")

const fraction = (random: Random): string =>
  `.${random.times(random.pick([1, 2, 3, 4, 9, 10, 30]), () => random.below(10)).join("")}`

const offset = (random: Random): string => {
  if (random.chance(0.5)) return random.pick(["Z", "Z", "z"])
  const hours = random.chance(0.9) ? random.below(24) : random.pick([24, 25, 99])
  const minutes = random.chance(0.9) ? random.below(60) : random.pick([59, 60, 99])
  const separator = random.chance(0.9) ? ":" : random.pick(["", " ", " :", ": "])
  return `${random.pick(["+", "-", "\u2212"])}${digits(hours, 2)}${separator}${digits(minutes, 2)}`
}

/** RFC 3339. */
const exactText = (random: Random, { day, hour, minute, month, second, year }: Fields): string =>
  [
    `${year < 0 ? "-" : ""}${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`,
    random.pick(["T", "T", "t", " "]),
    `${digits(hour, 2)}:${digits(minute, 2)}:${digits(second, 2)}`,
    random.chance(0.3) ? fraction(random) : "",
    random.chance(0.9) ? offset(random) : ""
  ].join("")

/** `%Y-%m-%d %H:%M:%S`. */
const looseText = (random: Random, { day, hour, minute, month, second, year }: Fields): string => {
  const spacing = random.pick([0, 0, 0.1, 0.5])
  const padding = random.pick([1, 1, 2])
  const number = (value: number): string =>
    someSpace(random, spacing) + digits(value, random.chance(0.9) ? padding : random.pick([1, 2, 3]))
  const sign = year < 0 ? "-" : year > 9999 || random.chance(0.1) ? "+" : ""
  const zeros = sign !== "" && random.chance(0.3) ? "0".repeat(random.pick([1, 3, 20])) : ""
  return [
    `${someSpace(random, spacing)}${sign}${zeros}${digits(year, random.pick([1, 4]))}`,
    `-${number(month)}-${number(day)}`,
    random.chance(0.8) ? space(random) : random.pick(["", "", "T", "  "]),
    `${number(hour)}:${number(minute)}:${number(second)}`
  ].join("")
}

const strange = [..."0123456789-+:.TtZz/,eE\u2212\u2010\u0661\uff11", "UTC", "😀", ...spaces, ...noSpaces]

/** Deletes, inserts, swaps or doubles a character. */
const mutated = (random: Random, text: string): string => {
  const at = random.below(text.length + 1)
  const [before, after] = [text.slice(0, at), text.slice(at)]
  switch (random.below(4)) {
    case 0:
      return before + after.slice(1)
    case 1:
      return before + random.pick(strange) + after
    case 2:
      return before + random.pick(strange) + after.slice(1)
    default:
      return before + after.slice(0, 1) + after
  }
}

/** The time, or one near it, in one of many spellings. Some of them are not dates. */
export const dateText = (random: Random, millis: number): string => {
  const fields = atLimits(random, fieldsOf(millis))
  const text = random.chance(0.5) ? exactText(random, fields) : looseText(random, fields)
  const mutations = random.weighted([
    [6, 0],
    [2, 1],
    [1, 2]
  ])
  return random.times(mutations, () => 0).reduce(mutatedText => mutated(random, mutatedText), text)
}

const operators = ["before", "after", "on"] as const

/** A time in any year, mostly in ours. */
const moment = (random: Random): number =>
  random.weighted([
    [6, Date.UTC(random.between(1990, 2040), random.below(12), random.between(1, 31))],
    [2, Date.UTC(random.between(100, 9999), random.below(12), random.between(1, 31))],
    [1, random.between(-3, 3) * 86_400_000]
  ]) + random.below(86_400_000)

/** Times that distinguish possible readings of a text: its meaning here, and those next to it. */
const shifts = [-1, 0, 1]

/**
 * A world with date texts on both sides of conditions. `millisOf` is this package's reading of a text. Text `i` is the
 * target of the gates `t<i> <operator>` and the value of user `i`; the times next to text `i` are the targets of the
 * gates `m<i> <shift> <operator>`, and the values of three more users.
 */
export const dateWorld = (
  random: Random,
  count: number,
  millisOf: (text: string) => number | undefined
): { readonly world: World; readonly asked: ReadonlyArray<readonly [userIndex: number, gate: string]> } => {
  const texts = random.times(count, () => dateText(random, moment(random)))
  const users: Array<World["users"][number]> = []
  const conditions = new Map<string, Tree>()
  const gates = new Map<string, Tree>()
  const asked: Array<readonly [number, string]> = []
  const addUser = (value: Tree): number =>
    users.push({
      fields: object({
        userID: "u",
        [random.pick(["custom", "custom", "privateAttributes"])]: object({ seen: value })
      }),
      assigned: object({})
    }) - 1
  const addGates = (key: string, targetValue: Tree, type = "user_field"): Array<string> =>
    operators.map(operator => {
      const name = `${key} ${operator}`
      conditions.set(name, object({ type, field: "seen", operator, targetValue, idType: "userID" }))
      gates.set(name, gateOf(name))
      return name
    })
  const ofText = texts.map((text, index) => ({ user: addUser(text), gates: addGates(`t${index}`, text) }))
  for (const [index, text] of texts.entries()) {
    const { gates: textGates, user } = ofText[index]!
    // A text that is not a date here is compared with times on both sides of it.
    const near = millisOf(text)
    const moments = near === undefined ? [-9e15, 0, 9e15] : shifts.map(shift => near + shift)
    for (const [at, millis] of moments.entries()) {
      const other = addUser(random.chance(0.5) ? millis : String(millis))
      for (const gate of textGates) asked.push([other, gate])
      for (const gate of addGates(`m${index} ${at}`, millis)) asked.push([user, gate])
    }
    const another = random.pick(ofText)
    for (const gate of another.gates) asked.push([user, gate])
    for (const gate of addGates(`now${index}`, text, "current_time")) asked.push([user, gate])
  }
  const payload = object({
    has_updates: true,
    time: 1,
    feature_gates: gates,
    dynamic_configs: object({}),
    layer_configs: object({}),
    condition_map: conditions,
    experiment_to_layer: object({})
  })
  return { world: { payload, users, options: object({}) }, asked }
}

const gateOf = (condition: string): Tree =>
  object({
    type: "feature_gate",
    salt: "",
    enabled: true,
    defaultValue: false,
    rules: [
      object({
        name: "rule",
        id: "rule",
        passPercentage: 100,
        returnValue: true,
        conditions: [condition],
        idType: "userID"
      })
    ],
    idType: "userID",
    entity: "feature_gate"
  })
