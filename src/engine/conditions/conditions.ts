/**
 * Conditions: where the user-side value is read, and how the operator tests it.
 *
 * Most conditions are a plain test of the subject. The others evaluate gates, or are not supported.
 */

import type { Bucketers } from "../hashing/bucketing.js"
import { idListKey } from "../hashing/sha256.js"
import type { Json, JsonObject } from "../json.js"
import type { Condition } from "../specs.js"
import type { User } from "../user.js"
import type { LongList } from "./longList.js"
import { LowerText } from "./lowerText.js"
import { compileOperator, type Operator } from "./operators.js"
import { textOf, timeOf, type UserValue, utf8Length } from "./values.js"

/** Looked up once: in a sandbox such as Jest's, each access to a global is slow. */
const { hasOwn } = Object

/** What the engine needs from its environment. Everything is synchronous and never throws. */
export interface Host {
  /** Epoch milliseconds. */
  readonly now: () => number
  /** A uniform draw from [0, 1). */
  readonly random: () => number
  /** `undefined`: no parser data is loaded. */
  readonly parseUserAgent: (userAgent: string) => UserAgentParts | null | undefined
  /** `undefined`: no country table is loaded. */
  readonly lookupCountry: (ip: string) => string | null | undefined
  readonly isInIdList: (list: string, high: number, low: number) => boolean
  /** The tier of the SDK itself. */
  readonly environment: string | undefined
  readonly globalCustomFields: JsonObject | undefined
}

/** The user a condition is tested for, and the context. */
export interface Subject {
  readonly user: User
  readonly host: Host
  /** The environment's tier for users without one. */
  readonly tier: string | undefined
  /** What `target_app` conditions compare. */
  readonly appId: Json | undefined
  /** The user's group in an experiment; `undefined` if there is none. */
  readonly experimentGroup: (name: string | undefined) => UserValue
  /** Reports data that the test needs but that is not loaded; `reason` becomes the reason of the evaluation. */
  readonly lacks: (reason: string) => void
  /** Reports where a reader found its value; the last place counts. `undefined` without a watcher. */
  readonly found: ((place: Place) => void) | undefined
}

/** Where the user-side value was found. */
export type FoundIn =
  /** A field of the user itself, such as `email`. */
  | "user"
  | "custom"
  /** The option `globalCustomFields`. */
  | "globalCustomFields"
  | "privateAttributes"
  | "customIDs"
  /** Parsed from the user agent `from`. */
  | "userAgent"
  /** The country of the address `from`. */
  | "ip"
  /** The user's own environment. */
  | "statsigEnvironment"
  /** The environment of the SDK, or the default environment of the specs. */
  | "environment"
  /** The current time. */
  | "clock"
  /** The hash of the unit `from`, from 0 to 999. */
  | "bucket"
  /** The `app_id` of the specs. */
  | "appID"
  /** The user's group in the experiment `key`. */
  | "experiment"
  /** There is no value. */
  | "nothing"

/** The place where a reader found a value. */
export interface Place {
  readonly foundIn: FoundIn
  /** The name under which it was found. */
  readonly key?: string
  /** The value it was derived from. */
  readonly from?: string
}

/** How a condition or a rule selects users: everyone, by a random split, or by their attributes. */
export type Selection = "everyone" | "split" | "targeting"

/** Reads the user-side value. */
export type Read = (subject: Subject) => UserValue

/** Tests a value that was read. */
type Decide = (value: UserValue, subject: Subject) => boolean

/** A test in two steps, so that a watcher can report the value together with the result. */
export interface TestSteps {
  readonly read: Read
  readonly decide: Decide
}

/** A compiled condition; `key` is its name in the payload. */
export type CompiledCondition =
  | TestCondition
  | GateCondition
  /** Reads the user's group in an experiment, which is a separate evaluation. */
  | { readonly kind: "experiment"; readonly key: string; readonly test: Test; readonly steps: TestSteps }
  | {
      readonly kind: "unsupported"
      readonly key: string
      /** A description of the problem. */
      readonly problem: string
      /** Reads the value it would compare; `undefined` if nothing may be read. */
      readonly read: Read | undefined
      /** Whether the value is always read because reading has side effects. */
      readonly mustRead: boolean
    }
  /** The payload has no valid condition of that name. */
  | { readonly kind: "missing"; readonly key: string }

type Test = (subject: Subject) => boolean

/** A plain test of the subject. */
export interface TestCondition {
  readonly kind: "test"
  readonly key: string
  readonly selection: Selection
  readonly test: Test
  /** `undefined`: no value is tested. */
  readonly steps: TestSteps | undefined
  /** Whether it may lack data, which is reported even after another condition of the rule failed. */
  readonly mayLack: boolean
  /** Whether the result for a user may change a moment later. */
  readonly isVolatile: boolean
  /** The last user that a decider tested, by the number of its turn, and the result. */
  turn: number
  holds: boolean
}

/** Evaluates a gate. */
export interface GateCondition {
  readonly kind: "gate"
  readonly key: string
  readonly gate: string
  readonly negated: boolean
  /** What the current decider knows of the gate. `evaluate/decider.ts` knows its type. */
  decision: unknown
}

/** Reads the user-side value as text in lower case. */
type ReadText = (subject: Subject) => LowerText

/**
 * The texts that conditions read from users' fields. Conditions on the same field share a reader, which caches the text
 * while the user stays the same.
 */
export class FieldTexts {
  readonly #readers = new Map<string | undefined, ReadText>()

  /** `read` is the reader of the field. */
  of(field: string | undefined, read: Read): ReadText {
    let reader = this.#readers.get(field)
    if (reader === undefined) {
      reader = keepingLast(read)
      this.#readers.set(field, reader)
    }
    return reader
  }
}

const keepingLast = (read: Read): ReadText => {
  let user: User | undefined
  let host: Host | undefined
  let text = new LowerText(undefined)
  return subject => {
    if (subject.user !== user || subject.host !== host) {
      text = new LowerText(read(subject))
      user = subject.user
      host = subject.host
    }
    return text
  }
}

/** What the conditions of one payload share. */
export interface ConditionParts {
  readonly bucketers: Bucketers
  readonly fieldTexts: FieldTexts
}

const everyone: Test = () => true

/** Compiles the condition of that key. A long list as its target is given apart. */
export const compileCondition = (
  key: string,
  condition: Condition,
  { bucketers, fieldTexts }: ConditionParts,
  list?: LongList
): CompiledCondition => {
  const { type } = condition
  const memo = { turn: 0, holds: false }
  if (type === "public") {
    const selection = "everyone"
    return {
      kind: "test",
      key,
      selection,
      test: everyone,
      steps: undefined,
      mayLack: false,
      isVolatile: false,
      ...memo
    }
  }
  if (type === "pass_gate" || type === "fail_gate") {
    const gate = typeof condition.targetValue === "string" ? condition.targetValue : ""
    return { kind: "gate", key, gate, negated: type === "fail_gate", decision: undefined }
  }
  const mayLack = type === "ua_based" || type === "ip_based"
  const readsExperiment = type === "experiment_group"
  const operator =
    condition.operator === undefined ? undefined : compileOperator(condition.operator, list ?? condition.targetValue)
  const read = compileRead(condition, operator, bucketers)
  if (read === undefined) {
    const problem = `this SDK knows no condition of the type "${type}"`
    return { kind: "unsupported", key, problem, read: undefined, mustRead: false }
  }
  const hasEffects = mayLack || readsExperiment
  if (condition.operator === undefined) {
    const problem = "the condition has no operator"
    return { kind: "unsupported", key, problem, read: hasEffects ? undefined : read, mustRead: false }
  }
  if (operator === undefined) {
    const problem = `this SDK knows no operator "${condition.operator}"`
    return { kind: "unsupported", key, problem, read, mustRead: hasEffects }
  }
  const steps = { read, decide: compileDecide(condition, operator) }
  const test = compileTest(condition, operator, steps, fieldTexts)
  if (readsExperiment && condition.field !== undefined) return { kind: "experiment", key, test, steps }
  const selection = type === "user_bucket" ? "split" : "targeting"
  const isVolatile = type === "current_time" || operator.kind === "idList"
  return { kind: "test", key, selection, test, steps, mayLack, isVolatile, ...memo }
}

const compileDecide = ({ type }: Condition, operator: Operator): Decide => {
  switch (operator.kind) {
    case "text": {
      const { test } = operator
      return value => test(new LowerText(value))
    }
    case "value":
      return operator.test
    case "time": {
      const { test } = operator
      return type === "current_time" ? now => test(now as number) : value => test(timeOf(value))
    }
    case "idList": {
      const { list, negated } = operator
      return (value, subject) => {
        const id = textOf(value)
        return (list !== undefined && id !== undefined && isInList(subject, list, id)) !== negated
      }
    }
  }
}

/** Reads and decides. Reuses a text from one test to the next where possible. */
const compileTest = (
  { field, type }: Condition,
  operator: Operator,
  { decide, read }: TestSteps,
  texts: FieldTexts
): ((subject: Subject) => boolean) => {
  if (operator.kind !== "text") return subject => decide(read(subject), subject)
  const { test } = operator
  if (type === "user_bucket") {
    const testBucket = askingOnce(bucket => test(new LowerText(bucket)))
    return subject => testBucket(read(subject) as number)
  }
  if (type !== "user_field") return subject => decide(read(subject), subject)
  const text = texts.of(field, read)
  return subject => test(text(subject))
}

/** The number of buckets of a `user_bucket` condition. */
const bucketCount = 1000

/** Caches the result per bucket: lists of buckets are long, and there are few buckets. */
const askingOnce = (test: (bucket: number) => boolean): ((bucket: number) => boolean) => {
  /** 0 for a bucket not tested yet, 1 for true, 2 for false. */
  let answers: Uint8Array | undefined
  return bucket => {
    answers ??= new Uint8Array(bucketCount)
    if (answers[bucket] === 0) answers[bucket] = test(bucket) ? 1 : 2
    return answers[bucket] === 1
  }
}

const isInList = (subject: Subject, list: string, id: string): boolean => {
  const { high, low } = idListKey(id)
  return subject.host.isInIdList(list, high, low)
}

/** The reader of a condition type; `undefined` for a type that does not exist. */
const compileRead = (condition: Condition, operator: Operator | undefined, bucketers: Bucketers): Read | undefined => {
  const { additionalValues, field, idType } = condition
  switch (condition.type) {
    case "user_field":
      return compileField(field)
    case "ua_based":
      return compileUserAgentField(field)
    case "ip_based":
      return compileCountry(field)
    case "environment_field":
      return compileEnvironment(field)
    // Only time operators compare the current time; for all others the value is missing.
    case "current_time":
      return operator?.kind === "time" ? readClock : () => undefined
    case "user_bucket": {
      const salt = additionalValues === undefined ? undefined : ownText(additionalValues, "salt")
      const bucketer = bucketers.shared(`${salt ?? ""}.`, bucketCount)
      const unit = compileUnit(idType)
      return subject => {
        const id = textOf(unit(subject.user)) ?? ""
        subject.found?.({ foundIn: "bucket", from: id })
        return bucketer.of(id)
      }
    }
    case "unit_id": {
      if (isUserID(idType)) return subject => readOwn(subject, "userID")
      const lower = idType.toLowerCase()
      return subject => readMember(subject, "customIDs", subject.user.customIDs, idType, lower)
    }
    case "target_app":
      return readAppId
    case "experiment_group":
      return subject => subject.experimentGroup(field)
    default:
      return undefined
  }
}

const ownText = (values: Readonly<Record<string, string>>, key: string): string | undefined =>
  hasOwn(values, key) ? values[key] : undefined

const readClock: Read = subject => {
  subject.found?.({ foundIn: "clock" })
  return subject.host.now()
}

const readAppId: Read = subject => {
  subject.found?.({ foundIn: "appID" })
  return subject.appId
}

const readOwn = (subject: Subject, key: TopLevel): UserValue => {
  subject.found?.({ foundIn: "user", key })
  return subject.user[key]
}

const isUserID = (idType: string): boolean => idType.toLowerCase() === "userid"

/** Reads a unit ID; `userID` in any case is the user's own. */
export const compileUnit = (idType: string): ((user: User) => UserValue) => {
  if (isUserID(idType)) return user => user.userID
  const lower = idType.toLowerCase()
  return user => {
    const ids = user.customIDs
    if (ids === undefined) return undefined
    const key = keyIn(ids, idType, lower)
    return key === undefined ? undefined : ids[key]
  }
}

/** The key of a member, as given or in lower case. */
const keyIn = (values: JsonObject, key: string, lower: string): string | undefined =>
  hasOwn(values, key) ? key : key !== lower && hasOwn(values, lower) ? lower : undefined

const readMember = (
  subject: Subject,
  foundIn: FoundIn,
  values: JsonObject | undefined,
  key: string,
  lower: string
): UserValue => {
  if (values === undefined) return undefined
  const found = keyIn(values, key, lower)
  if (found === undefined) return undefined
  subject.found?.({ foundIn, key: found })
  return values[found]
}

type TopLevel = "userID" | "email" | "ip" | "country" | "locale" | "appVersion" | "userAgent"

/** Fields that take precedence over custom values unless their text is empty. */
const topLevel: ReadonlyMap<string, TopLevel> = new Map([
  ["userid", "userID"],
  ["email", "email"],
  ["ip", "ip"],
  ["country", "country"],
  ["locale", "locale"],
  ["appversion", "appVersion"],
  ["useragent", "userAgent"]
])

/** Other spellings; custom values take precedence over them. */
const alternative: ReadonlyMap<string, TopLevel> = new Map([
  ["user_id", "userID"],
  ["app_version", "appVersion"],
  ["user_agent", "userAgent"]
])

/** Reads a field by name: the user's own, then custom, global custom and private ones. */
const compileField = (field: string | undefined): Read => {
  if (field === undefined) return () => undefined
  const lower = field.toLowerCase()
  const first = topLevel.get(lower)
  const last = alternative.get(lower)
  return subject => {
    const { user } = subject
    if (first !== undefined) {
      const value = user[first]
      if (value !== undefined && value !== "" && value !== null && (typeof value === "string" || textOf(value))) {
        subject.found?.({ foundIn: "user", key: first })
        return value
      }
    }
    let value = readMember(subject, "custom", user.custom, field, lower)
    if (value === undefined) {
      value = readMember(subject, "globalCustomFields", subject.host.globalCustomFields, field, lower)
    }
    if (value === undefined) value = readMember(subject, "privateAttributes", user.privateAttributes, field, lower)
    if (value === undefined && last !== undefined) value = readOwn(subject, last)
    return value
  }
}

/** Reads a field whose name is only known at call time. */
export const readField = (subject: Subject, field: string): UserValue => compileField(field)(subject)

/** Longer user agents are not parsed. In UTF-8 bytes. */
const maxUserAgentBytes = 1000

const compileUserAgentField = (field: string | undefined): Read => {
  const plainField = compileField(field)
  const userAgent = compileField("userAgent")
  const part = userAgentParts.get((field ?? "").toLowerCase())
  return subject => {
    const own = plainField(subject)
    if (own !== undefined) return own
    const text = textOf(userAgent(subject))
    if (text === undefined || isLongerThan(text, maxUserAgentBytes)) return undefined
    subject.found?.({ foundIn: "userAgent", from: text })
    const parsed = subject.host.parseUserAgent(text)
    if (parsed === undefined) subject.lacks("UAParserNotLoaded:Recognized")
    return parsed && part ? parsed[part] : undefined
  }
}

/** The parts of a parsed user agent. */
export interface UserAgentParts {
  readonly osName: string
  readonly osVersion: string
  readonly browserName: string
  readonly browserVersion: string
}

const userAgentParts: ReadonlyMap<string, keyof UserAgentParts> = new Map([
  ["os_name", "osName"],
  ["osname", "osName"],
  ["os_version", "osVersion"],
  ["osversion", "osVersion"],
  ["browser_name", "browserName"],
  ["browsername", "browserName"],
  ["browser_version", "browserVersion"],
  ["browserversion", "browserVersion"]
])

const isLongerThan = (text: string, bytes: number): boolean =>
  text.length * 3 > bytes && (text.length > bytes || utf8Length(text) > bytes)

const compileCountry = (field: string | undefined): Read => {
  const plainField = compileField(field)
  if (field !== "country") return plainField
  const ip = compileField("ip")
  return subject => {
    const own = plainField(subject)
    if (own !== undefined) return own
    const text = textOf(ip(subject))
    if (text === undefined) return undefined
    subject.found?.({ foundIn: "ip", from: text })
    const country = subject.host.lookupCountry(text)
    if (country === undefined) subject.lacks("CountryLookupNotLoaded:Recognized")
    return country ?? undefined
  }
}

const compileEnvironment = (field: string | undefined): Read => {
  if (field === undefined) return () => undefined
  const isTier = field === "tier" || field.toLowerCase() === "tier"
  return subject => {
    const own = subject.user.statsigEnvironment
    if (own !== undefined && hasOwn(own, field)) {
      subject.found?.({ foundIn: "statsigEnvironment", key: field })
      return own[field]
    }
    if (!isTier) return undefined
    subject.found?.({ foundIn: "environment", key: "tier" })
    return subject.tier
  }
}
