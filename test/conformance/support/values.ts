/**
 * Generated values: targets of conditions, each with user values that decide it either way, so that random users meet
 * conditions on both sides.
 */
import { dateText } from "./dates.js"
import type { Random } from "./random.js"
import { object, Raw, type Tree, type TreeObject } from "./tree.js"

/** A condition's target with user values near it. */
export interface Aim {
  readonly target: Tree
  readonly near: ReadonlyArray<Tree>
}

const words = [
  ..."pro free Pro PRO team Team a A b ab abc ABC x beta alpha US us".split(" "),
  "",
  " ",
  "a b",
  "null",
  "true",
  "TRUE",
  "é",
  "É",
  "ß",
  "SS",
  "İ",
  "i̇",
  "ΑΣ",
  "ας",
  "ασ",
  "Σ",
  "😀",
  "日本",
  '"q"',
  "back\\slash",
  "line\nend",
  "tab\t",
  "\u0001",
  "\u2028",
  "__proto__",
  "constructor",
  "1",
  "1.0",
  "-0",
  "1e3",
  "42",
  "[1]",
  '["a"]',
  "{}"
]

/** Numbers as payloads may spell them. */
const spelledNumbers = [
  ..."0 1 -1 2 10 42 100 1.5 0.1 1.0 -0 -0.0 1e5 1E2 1e-5 1e-6 1e-7 1e16 1e21 123e-2 1.50 100000.0".split(" "),
  ..."0.30000000000000004 0.1234567890123456789 5e-324 1.7976931348623157e308 123456789.125".split(" "),
  ..."2147483647 -2147483648 -2147483649 4294967295 4294967296 1000000000000000 10000000000000000".split(" "),
  ..."9007199254740991 9007199254740992 9007199254740993 9223372036854775807 9223372036854775808".split(" "),
  ..."18446744073709551615 18446744073709551616 123456789012345678901234567890 -9007199254740993".split(" ")
]

/** Texts that look like numbers; some are not. */
const numberTexts = [
  ..."1 1.0 01 +5 -5 5. .5 . - + 1e3 1E3 1e 1e+2 0x10 1_000 1,5 inf -Infinity infinity NaN nan 1e400 ١".split(" "),
  "",
  " 1",
  "1 ",
  "9007199254740993",
  "9223372036854775807",
  "-9223372036854775807",
  "99999999999999999999"
]

/** Values of every kind that fit no operator in particular. */
const oddities: ReadonlyArray<Tree> = [
  null,
  true,
  false,
  "",
  "x",
  0,
  1,
  [],
  [null],
  [[]],
  [{}].map(() => object({})),
  object({}),
  object({ a: 1 }),
  ["a", 1, true, null]
]

const spelledNumber = (random: Random): Raw =>
  new Raw(random.chance(0.7) ? random.pick(spelledNumbers) : String(random.between(-50, 1100)))

const userNumber = (random: Random): number => Number(spelledNumber(random).text)

const valueNumber = (random: Random): Raw => {
  const number = spelledNumber(random)
  return isBeyondInteger(number) ? valueNumber(random) : number
}

/** A short text, often one with a special meaning. */
export const word = (random: Random): string =>
  random.chance(0.9) ? random.pick(words) : random.times(random.between(1, 6), () => random.pick(words)).join("")

/** Officially, parameter stores and experiment groups return these as text, which we do not copy. */
const isBeyondInteger = (number: Raw): boolean => Number(number.text) >= 2 ** 63 && Number(number.text) <= 2 ** 64

/** Any JSON value, as a value field or a parameter of a config may hold it. */
export const anyJson = (random: Random, depth = 0): Tree =>
  random.weighted<() => Tree>([
    [4, () => word(random)],
    [4, () => valueNumber(random)],
    [3, () => random.chance(0.5)],
    [1, () => null],
    [depth < 3 ? 2 : 0, () => random.times(random.below(4), () => anyJson(random, depth + 1))],
    [
      depth < 3 ? 2 : 0,
      () =>
        new Map(
          random.times(random.below(4), () => word(random)).map(key => [key, memberValue(random, key, depth + 1)])
        )
    ]
  ])()

const nested = (random: Random, levels: number): string => {
  const [open, close] = random.pick([["[", "]"] as const, ['{"k":', "}"] as const])
  return `${open.repeat(levels)}1${close.repeat(levels)}`
}

/**
 * A value of a spec that the official parser rejects, or only just accepts. Never one of exactly 127 levels: the
 * official package loses that where a result wraps it.
 */
export const hardValue = (random: Random): Tree => {
  if (random.chance(0.3)) return new Raw(nested(random, random.pick([126, 128, 1_000])))
  const hard = new Raw(
    random.pick([
      ..."1e400 -1e309 1.7976931348623157e308 1e-400".split(" "),
      '"\\ud800"',
      '"a\\udc00b"',
      '"\\ud83d\\ude00"',
      '{"\\ud800":1,"b":2}'
    ])
  )
  return random.pick<Tree>([hard, [hard, "x"], object({ k: hard, b: 1 }), object({ a: [hard] })])
}

/** A member of that name. Officially an object named `__proto__` becomes the prototype, and its members are found. */
export const memberValue = (random: Random, key: string, depth = 0): Tree =>
  key === "__proto__" ? word(random) : anyJson(random, depth)

/**
 * Any JSON value as a caller may put it into a user; at the top level also a number that JSON lacks, which is refused
 * deeper.
 */
export const anyUserValue = (random: Random, depth = 0): Tree =>
  random.weighted<() => Tree>([
    [5, () => word(random)],
    [1, () => random.pick(["\ud83d", "a\ude00b"])],
    [4, () => userNumber(random)],
    [2, () => random.pick(numberTexts)],
    [1, () => random.pick([-0, 1e21, 1e-7, 2 ** 53])],
    [depth === 0 ? 1 : 0, () => random.pick([Number.NaN, Number.POSITIVE_INFINITY])],
    [2, () => random.chance(0.5)],
    [1, () => null],
    [depth < 2 ? 3 : 0, () => random.times(random.below(4), () => anyUserValue(random, depth + 1))],
    [
      depth < 2 ? 1 : 0,
      () => new Map(random.times(random.below(3), () => [word(random), anyUserValue(random, depth + 1)] as const))
    ]
  ])()

const swapCase = (text: string): string => (text === text.toLowerCase() ? text.toUpperCase() : text.toLowerCase())

/** The value of a spelled number in users' form, and other ways to write it. */
const numberForms = (text: string): Array<Tree> => [Number(text), text, String(Number(text)), [Number(text)]]

const numeric = (random: Random): Aim => {
  const number = spelledNumber(random)
  const value = Number(number.text)
  return {
    target: random.chance(0.75) ? number : random.chance(0.8) ? number.text : random.pick(numberTexts),
    near: [...numberForms(number.text), value + 1, value - 1, String(value + 0.5), random.pick(numberTexts)]
  }
}

const versionPart = (random: Random): string =>
  random.weighted([
    [12, String(random.below(4))],
    [4, String(random.below(200))],
    [1, ` ${random.below(4)}\u00a0`],
    [1, `0${random.below(10)}`],
    [1, random.pick(["", "a", "+2", "-2", "1a", "٣", "340282366920938463463374607431768211456", "１", "\u00851"])],
    [1, "170141183460469231731687303715884105727"]
  ])

const version = (random: Random): string =>
  random
    .times(
      random.weighted([
        [1, 1],
        [3, 2],
        [6, 3],
        [2, 4],
        [1, 6]
      ]),
      () => versionPart(random)
    )
    .join(".") +
  random.weighted([
    [8, ""],
    [1, "-beta.1"],
    [1, "-"],
    [1, ".0"],
    [1, "."]
  ])

const versioned = (random: Random): Aim => {
  const target = version(random)
  const [first = "0", ...rest] = target.split(".")
  return {
    target: random.chance(0.9) ? target : random.pick<Tree>([new Raw("1.2"), 1, null, ["1.0"], true, ""]),
    near: [
      target,
      target,
      `${target}.0`,
      `${target}.1`,
      [`${Number(first) + 1}`, ...rest].join("."),
      [`${Number(first) - 1}`, ...rest].join("."),
      first,
      Number(first),
      version(random),
      version(random),
      1.2,
      ""
    ]
  }
}

const listItem = (random: Random): Tree =>
  random.weighted<() => Tree>([
    [8, () => word(random)],
    [3, () => spelledNumber(random)],
    [1, () => random.pick(numberTexts)],
    [1, () => random.pick(oddities)]
  ])()

const list = (random: Random): Array<Tree> => {
  const items = random.times(
    random.weighted([
      [1, 0],
      [2, 1],
      [3, 2],
      [3, 3],
      [1, 6]
    ]),
    () => listItem(random)
  )
  const texts = items.filter(item => typeof item === "string")
  return random.chance(0.15) ? random.shuffle([...items, ...texts.map(swapCase)]) : items
}

/** The item as a user may carry it. */
const asUserValue = (tree: Tree): Tree => (tree instanceof Raw ? Number(tree.text) : tree)

const asUserList = (items: ReadonlyArray<Tree>): Array<Tree> => items.map(asUserValue)

const otherForms = (item: Tree): Array<Tree> => {
  if (item instanceof Raw) return numberForms(item.text)
  return typeof item === "string" ? [item, item, swapCase(item), ` ${item}`] : [asUserValue(item)]
}

const inList = (random: Random): Aim => {
  const items = list(random)
  const near = [...items.flatMap(otherForms), word(random), asUserList(items), null]
  if (random.chance(0.88)) return { target: items, near }
  if (random.chance(0.4)) {
    const keys = items.filter(item => typeof item === "string")
    return { target: new Map(keys.map(key => [key, 1])), near }
  }
  return { target: random.pick([...oddities, word(random)]), near }
}

const textPart = (random: Random): Aim => {
  const items = list(random)
  const texts = items.map(item => (item instanceof Raw ? item.text : item)).filter(item => typeof item === "string")
  const near = texts.flatMap(text => [
    text,
    `${text}zz`,
    `zz${text}`,
    `zz${text}zz`,
    swapCase(`q${text}`),
    swapCase(`${text}q`)
  ])
  return {
    target: random.chance(0.9) ? items : random.pick([...oddities, word(random), object({ a: 1 })]),
    near: [...near, word(random), word(random), asUserList(items), 1]
  }
}

const day = 86_400_000

/** The time in one of many spellings. */
const spellTime = (random: Random, millis: number): string =>
  random.weighted<() => string>([
    [2, () => new Date(millis).toISOString()],
    [2, () => new Date(millis).toISOString().slice(0, 19).replace("T", " ")],
    [2, () => `${new Date(millis).toISOString().slice(0, 19)}Z`],
    [14, () => dateText(random, millis)],
    [1, () => new Date(millis).toISOString().slice(0, 10)],
    [1, () => String(millis)],
    [1, () => String(Math.trunc(millis / 1000))],
    [1, () => `${millis}.5`]
  ])()

/** A time that is hours away from any time at which this runs. */
const moment = (random: Random): number =>
  random.weighted([
    [4, Date.UTC(random.between(2001, 2022), random.below(12), random.between(1, 28))],
    [2, Date.UTC(random.between(2050, 2199), random.below(12), random.between(1, 28))],
    [2, random.between(-2, 2) * day],
    [1, Date.UTC(random.between(1900, 1969), random.below(12), random.between(1, 28))],
    [1, random.pick([0, 10_000_000_000, 9_999_999_999, 253_402_300_799_000, -10_000_000_000])]
  ]) +
  random.weighted([
    [3, 0],
    [2, random.below(day)],
    [1, random.below(1000)]
  ])

const timed = (random: Random): Aim => {
  const millis = moment(random)
  const near = [0, 0, 0, 1, -1, 3_600_000, -3_600_000, day, -day, 400 * day, -400 * day].flatMap(
    (shift): Array<Tree> => {
      const other = millis + shift
      return [random.pick<Tree>([other, other, Math.trunc(other / 1000), String(other), spellTime(random, other)])]
    }
  )
  return {
    target: random.weighted<() => Tree>([
      [5, () => millis],
      [5, () => spellTime(random, millis)],
      [1, () => new Raw(`${millis}.75`)],
      [1, () => Math.trunc(millis / 1000)],
      [1, () => random.pick([...oddities, ...numberTexts, new Raw("1e300"), new Raw("18446744073709551615")])]
    ])(),
    near: [...near, millis + 0.5, random.pick(numberTexts), null]
  }
}

/** Arrays with the official package's text for them. */
const arrayTexts: ReadonlyArray<readonly [Tree, string]> = [
  [["a"], '["a"]'],
  [["a", 1], '["a",1]'],
  [[1], "[1]"],
  [[], "[]"],
  [[4294967295], "[4294967295]"],
  [[4294967296], "[4294967296.0]"],
  [[-2147483648], "[-2147483648]"],
  [[-2147483649], "[-2147483649.0]"],
  [[1e15], "[1000000000000000.0]"],
  [[1e16], "[1e16]"],
  [[1e21], "[1e21]"],
  [[1.5e300], "[1.5e300]"],
  [[0.00001], "[0.00001]"],
  [[0.000001], "[1e-6]"],
  [[-0], "[0]"],
  [[0.1], "[0.1]"],
  [[null, true], "[null,true]"],
  [[[1], []], "[[1],[]]"],
  [[object({ b: 1, a: "x" })], '[{"b":1,"a":"x"}]'],
  [["é\n\u0001/\u2028"], '["é\\n\\u0001/\u2028"]']
]

const members = (random: Random): TreeObject =>
  new Map(random.times(random.between(1, 3), () => [random.pick(["a", "b", "B", "k", ""]), listItem(random)] as const))

const changedMembers = (random: Random, target: TreeObject): Array<TreeObject> => {
  const user = new Map([...target].map(([key, value]) => [key, asUserValue(value)] as const))
  const key = random.pick([...target.keys()])
  const other = new Map(user).set(key, random.pick(otherForms(target.get(key) as Tree)))
  return [user, user, other, new Map(user).set("more", 1), new Map([...user].slice(1))]
}

const equal = (random: Random): Aim =>
  random.weighted<() => Aim>([
    [1, () => ({ target: null, near: [null, null, "", "null", 0, []] })],
    [2, () => ({ target: true, near: [true, true, false, "true", 1, "True"] })],
    [1, () => ({ target: false, near: [false, false, true, "false", 0, null] })],
    [4, () => numeric(random)],
    [
      3,
      () => {
        const target = word(random)
        return { target, near: [target, target, swapCase(target), Number(target) || 0, [target], `${target} `] }
      }
    ],
    [
      2,
      () => {
        const [value, target] = random.pick(arrayTexts)
        return { target, near: [value, value, target, random.pick(arrayTexts)[0]] }
      }
    ],
    [
      4,
      () => {
        const items = random.times(random.below(4), () => listItem(random))
        const user = asUserList(items)
        const index = random.below(items.length)
        const changed = items.length === 0 ? [1] : user.with(index, random.pick(otherForms(items[index] as Tree)))
        return {
          target: items,
          near: [user, user, changed, [...user].reverse(), [...user, "x"], user.slice(1), user[0] ?? null]
        }
      }
    ],
    [
      2,
      () => {
        const target = members(random)
        return { target, near: changedMembers(random, target) }
      }
    ]
  ])()

const arrays = (random: Random): Aim => {
  // A user's item without a text equals no target; but officially sometimes the empty one.
  const items = list(random).filter(item => item !== "")
  const user = asUserList(items)
  return {
    target: random.chance(0.9) ? items : random.pick([...oddities, word(random)]),
    near: [
      user,
      user,
      random.shuffle([...user, word(random), 7]),
      user.slice(0, 1),
      user.slice(1),
      [word(random), word(random)],
      items.map(item => random.pick(otherForms(item))),
      [],
      [null, object({})],
      user[0] ?? null,
      object({ a: 1 })
    ]
  }
}

/** Patterns that match or do not match the texts beside them; some are invalid. */
const patterns: ReadonlyArray<readonly [pattern: string, ...texts: ReadonlyArray<string>]> = [
  ["", "", "a"],
  ["^a", "abc", "ba", "A"],
  ["c$", "abc", "abc\n", "cb"],
  ["^a.c$", "abc", "a\nc", "a\rc", "a😀c", "a\u2028c"],
  ["(?i)PRO", "pro", "Prö", "free"],
  ["^\\d+$", "123", "١٢", "12a", ""],
  ["^\\w+$", "été", "a-b", "日本", "a_1"],
  ["^\\s$", "\u00a0", "\u0085", "\ufeff", "\u200b", " "],
  ["\\bteam\\b", "a team", "teams", "éteam"],
  ["^(?:pro|free)$", "pro", "free", "profree"],
  ["@example\\.com$", "a@example.com", "a@example.org", "A@EXAMPLE.COM"],
  ["^[a-c]{2,3}$", "ab", "abcd", "abc", "a"],
  ["^[^a-c]+$", "xyz", "xaz", ""],
  ["(a)\\1", "aa", "ab"],
  ["(?<=x)y", "xy", "zy"],
  ["(?<!x)y", "xy", "zy"],
  ["a(?!b)", "ab", "ac"],
  ["(?P<n>a)(?P=n)", "aa", "ab"],
  ["^[[:alpha:]]+$", "abc", "ab1", "é"],
  ["\\p{Greek}", "α", "a"],
  ["^\\pL+$", "aé", "a1"],
  ["(?x) a b # c", "ab", "a b"],
  ["(?s)^a.b$", "a\nb", "ab"],
  ["(?m)^b$", "a\nb\nc", "abc"],
  ["\\Aa\\z", "a", "a\n"],
  ["a{,2}b", "aab", "aaab", "b"],
  ["a{", "a{", "a"],
  ["\\x41\\u0042", "AB", "ab"],
  ["^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaab", "aaa"],
  ["[a&&b]", "a", "b"],
  ["[\\w--\\d]", "1", "a"],
  ["(?>a+)b", "aab", "aac"],
  ["ß", "SS", "ß"],
  ["(?i)k", "\u212a", "K", "x"],
  ["a++b", "aab", "b"],
  ["(", "(", ""],
  ["[", "["],
  ["*a", "a", "*a"],
  ["a**", "a"],
  ["\\", "\\"],
  ["[z-a]", "z"],
  ["\\y", "y"],
  ["(?P>x)", "x"],
  ["x{2}{3}", "xxxxxx"]
]

const matching = (random: Random): Aim => {
  const [pattern, ...texts] = random.pick(patterns)
  return {
    target: random.chance(0.93) ? pattern : random.pick<Tree>([[pattern], 1, null, true]),
    near: [...texts, ...texts, ...texts, word(random), 123, [pattern], null]
  }
}

const segment = (random: Random): Aim => ({
  target: random.pick<Tree>(["vip_list", "ghost", "", 1, null, ["vip_list"]]),
  near: ["u1", "1", 1, null]
})

const aims: { readonly [operator: string]: (random: Random) => Aim } = {
  gt: numeric,
  gte: numeric,
  lt: numeric,
  lte: numeric,
  version_gt: versioned,
  version_gte: versioned,
  version_lt: versioned,
  version_lte: versioned,
  version_eq: versioned,
  version_neq: versioned,
  any: inList,
  none: inList,
  any_case_sensitive: inList,
  none_case_sensitive: inList,
  str_starts_with_any: textPart,
  str_ends_with_any: textPart,
  str_contains_any: textPart,
  str_contains_none: textPart,
  str_matches: matching,
  before: timed,
  after: timed,
  on: timed,
  eq: equal,
  neq: equal,
  in_segment_list: segment,
  not_in_segment_list: segment,
  array_contains_any: arrays,
  array_contains_none: arrays,
  array_contains_all: arrays,
  not_array_contains_all: arrays
}

/** Every operator of the reference. */
export const operators: ReadonlyArray<string> = Object.keys(aims)

/** A target for the operator. An unknown operator gets one too. */
export const aim = (random: Random, operator: string): Aim => (aims[operator] ?? inList)(random)

/** Browsers, bots and texts that are not user agents. */
export const userAgents = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.71 Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 16_3_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.3 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15",
  "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
  "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36",
  "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
  "Mozilla/4.0 (compatible; MSIE 10.0; Windows NT 6.2)",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36 Edg/119.0.2151.97",
  "curl/7.88.1",
  "nonsense",
  "",
  "x".repeat(1001)
]

/** Some of the values that the parser finds in them. */
export const userAgentValues = [
  ..."Windows iOS Chrome Safari Firefox Android Linux Other Edge IE Googlebot windows 10 16.3.1 16.3 13 0.0.0".split(
    " "
  ),
  "Mobile Safari",
  "Mac OS X",
  "Chrome Mobile",
  "120.0.6099.71",
  "10.15.7"
]

/** Addresses; some are invalid. All dotted quads stay below 2^32. */
export const addresses = [
  ..."8.8.8.8 1.1.1.1 24.20.1.1 133.1.1.1 91.1.2.3 200.200.1.1 41.0.0.1 127.0.0.1 10.0.0.1 0.0.0.0".split(" "),
  ..."255.255.255.255 +8.8.8.8 08.8.8.8 8.300.8.8 8.8.8 8.8.8.8.8 a.b.c.d ::1 ::ffff:8.8.8.8 2001:4860:4860::8888".split(
    " "
  ),
  "",
  " 8.8.8.8",
  "8.8.8.8 "
]

/** Countries, some of them those of the addresses. */
export const countries = ["US", "us", "AU", "JP", "DE", "BR", "ZA", "CN", "--", ""]
