/**
 * Conditions: where the value on the user's side comes from, and what the operator says of it.
 *
 * A compiled condition writes its answer into the call's record, as the reference describes it: a condition that is
 * unsupported marks the record and leaves the answer of the condition before it standing.
 */
import type { Call } from "./call.js"
import { ownValue } from "./getters.js"
import { compileOperator } from "./operators.js"
import { Bucketer, idListKey, type Scratch } from "./sha256.js"
import type { Condition } from "./specs.js"
import type { JsonObject, User } from "./user.js"
import { textOf, timeOf, type UserValue, utf8Length } from "./values.js"

/** A condition ready to run. */
export interface CompiledCondition {
  readonly run: (call: Call) => void
  /** Whether running it does more than answer; the others are passed over once their rule has failed. */
  readonly hasEffects: boolean
}

type Run = CompiledCondition["run"]

/** Reads the value on the user's side. */
type Read = (call: Call) => UserValue

/** Prepares a condition. `scratch` is the working memory of the snapshot it belongs to. */
export const compileCondition = (condition: Condition, scratch: Scratch): CompiledCondition => {
  const run = compileRun(condition, scratch)
  return { run, hasEffects: run === unsupported || effectful.has(condition.type) }
}

/**
 * Nested gates and experiments are exposures, and derived fields may tell that their data is not loaded.
 */
const effectful: ReadonlySet<string> = new Set(["pass_gate", "fail_gate", "experiment_group", "ua_based", "ip_based"])

const compileRun = (condition: Condition, scratch: Scratch): Run => {
  const run = compileSupported(condition, scratch)
  if (condition.type !== "experiment_group" || condition.field === undefined) return run
  return call => {
    run(call)
    if (!call.readsExperiments) unsupported(call)
  }
}

const compileSupported = (condition: Condition, scratch: Scratch): Run => {
  const { type } = condition
  if (type === "public") {
    return call => {
      call.record.bool = true
    }
  }
  if (type === "pass_gate" || type === "fail_gate") {
    const gate = typeof condition.targetValue === "string" ? condition.targetValue : ""
    const negated = type === "fail_gate"
    return call => call.nestedGate(gate, negated)
  }
  const read = compileRead(condition, scratch)
  if (read === undefined || condition.operator === undefined) return unsupported
  const operator = compileOperator(condition.operator, condition.targetValue)
  if (operator === undefined) {
    if (!effectful.has(type)) return unsupported
    return call => {
      read(call)
      unsupported(call)
    }
  }
  switch (operator.kind) {
    case "value": {
      const { test } = operator
      return call => {
        call.record.bool = test(read(call))
      }
    }
    case "time": {
      const { test } = operator
      if (type === "current_time") {
        return call => {
          call.record.bool = test(call.host.now())
        }
      }
      return call => {
        call.record.bool = test(timeOf(read(call)))
      }
    }
    case "idList": {
      const { list, negated } = operator
      return call => {
        const id = textOf(read(call))
        call.record.bool = (list !== undefined && id !== undefined && isInList(call, list, id)) !== negated
      }
    }
  }
}

const unsupported: Run = call => {
  call.record.unsupported = true
}

const isInList = (call: Call, list: string, id: string): boolean => {
  const { high, low } = idListKey(id)
  return call.host.isInIdList(list, high, low)
}

/** The reader of a condition type; `undefined` for a type that does not exist. */
const compileRead = (condition: Condition, scratch: Scratch): Read | undefined => {
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
    // Only times compare with the current time; to every other operator it is a missing value.
    case "current_time":
      return () => undefined
    case "user_bucket": {
      const salt = additionalValues === undefined ? undefined : ownText(additionalValues, "salt")
      const bucketer = new Bucketer(`${salt ?? ""}.`, 1000, scratch)
      const unit = compileUnit(idType)
      return call => bucketer.of(textOf(unit(call.user)) ?? "")
    }
    case "unit_id": {
      const unit = compileUnit(idType)
      return call => unit(call.user)
    }
    case "target_app":
      return call => call.appId
    case "experiment_group":
      return call => call.experimentGroup(field)
    default:
      return undefined
  }
}

const ownText = (values: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(values, key) ? values[key] : undefined

/** Reads a unit id; `userID` in any case is the user's own. */
export const compileUnit = (idType: string): ((user: User) => UserValue) => {
  const lower = idType.toLowerCase()
  if (lower === "userid") return user => user.userID
  return user => {
    const ids = user.customIDs
    return ids === undefined ? undefined : find(ids, idType, lower)
  }
}

const find = (values: JsonObject, key: string, lower: string): UserValue =>
  Object.hasOwn(values, key) ? values[key] : key === lower ? undefined : ownValue(values, lower)

type TopLevel = "userID" | "email" | "ip" | "country" | "locale" | "appVersion" | "userAgent"

/** Fields that win over custom values when they have a text that is not empty. */
const topLevel: ReadonlyMap<string, TopLevel> = new Map([
  ["userid", "userID"],
  ["email", "email"],
  ["ip", "ip"],
  ["country", "country"],
  ["locale", "locale"],
  ["appversion", "appVersion"],
  ["useragent", "userAgent"]
])

/** Other spellings, which custom values shadow. */
const alternative: ReadonlyMap<string, TopLevel> = new Map([
  ["user_id", "userID"],
  ["app_version", "appVersion"],
  ["user_agent", "userAgent"]
])

/** Reads a field by its name: the user's own, then custom, global custom and private ones. */
const compileField = (field: string | undefined): Read => {
  if (field === undefined) return () => undefined
  const lower = field.toLowerCase()
  const first = topLevel.get(lower)
  const last = alternative.get(lower)
  return call => {
    const { user } = call
    if (first !== undefined) {
      const value = user[first]
      if (value !== undefined && value !== "" && value !== null && (typeof value === "string" || textOf(value)))
        return value
    }
    const { custom, privateAttributes } = user
    const globals = call.host.globalCustomFields
    let value = custom === undefined ? undefined : find(custom, field, lower)
    if (value === undefined && globals !== undefined) value = find(globals, field, lower)
    if (value === undefined && privateAttributes !== undefined) value = find(privateAttributes, field, lower)
    if (value === undefined && last !== undefined) value = user[last]
    return value
  }
}

/** Reads a field whose name is only known at the time of the call. */
export const readField = (call: Call, field: string): UserValue => compileField(field)(call)

/** Longer user agents are not looked at. In UTF-8 bytes. */
const maxUserAgentBytes = 1000

const compileUserAgentField = (field: string | undefined): Read => {
  const plainField = compileField(field)
  const userAgent = compileField("userAgent")
  const part = userAgentParts.get((field ?? "").toLowerCase())
  return call => {
    const own = plainField(call)
    if (own !== undefined) return own
    const text = textOf(userAgent(call))
    if (text === undefined || isLongerThan(text, maxUserAgentBytes)) return undefined
    const parsed = call.host.parseUserAgent(text)
    if (parsed === undefined) call.record.overrideReason = "UAParserNotLoaded:Recognized"
    return parsed && part ? parsed[part] : undefined
  }
}

/** What a user agent says of itself. */
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
  return call => {
    const own = plainField(call)
    if (own !== undefined) return own
    const text = textOf(ip(call))
    if (text === undefined) return undefined
    const country = call.host.lookupCountry(text)
    if (country === undefined) call.record.overrideReason = "CountryLookupNotLoaded:Recognized"
    return country ?? undefined
  }
}

const compileEnvironment = (field: string | undefined): Read => {
  if (field === undefined) return () => undefined
  const isTier = field === "tier" || field.toLowerCase() === "tier"
  return call => {
    const own = call.user.statsigEnvironment
    if (own !== undefined && Object.hasOwn(own, field)) return own[field]
    return isTier ? call.tier : undefined
  }
}
