import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import {
  type CompiledCondition,
  compileCondition,
  compileUnit,
  FieldTexts,
  type Host,
  readField,
  type Subject
} from "../../../src/engine/conditions/conditions.js"
import type { UserValue } from "../../../src/engine/conditions/values.js"
import { Bucketers } from "../../../src/engine/hashing/bucketing.js"
import type { Json } from "../../../src/engine/json.js"
import type { Condition } from "../../../src/engine/specs.js"
import { User, type UserFields } from "../../../src/engine/user.js"
import { makeHost } from "../support/host.js"

interface Surroundings {
  readonly host?: Partial<Host>
  readonly tier?: string
  readonly appId?: Json
  readonly groups?: Readonly<Record<string, string>>
}

/** A subject, and the missing parts that it reported. */
const subjectOf = (fields: UserFields, { appId, groups = {}, host, tier }: Surroundings = {}) => {
  const lacking: Array<string> = []
  const subject: Subject = {
    user: new User(fields),
    host: makeHost(host),
    tier,
    appId,
    experimentGroup: (name): UserValue => (name === undefined ? undefined : groups[name]),
    lacks: reason => lacking.push(reason),
    found: undefined
  }
  return { lacking, subject }
}

const compile = (condition: Partial<Condition>): CompiledCondition =>
  compileCondition(
    "key",
    { type: "user_field", idType: "userID", ...condition },
    { bucketers: new Bucketers(), fieldTexts: new FieldTexts() }
  )

const passes = (condition: Partial<Condition>, fields: UserFields, surroundings?: Surroundings): boolean => {
  const compiled = compile(condition)
  if (compiled.kind !== "test" && compiled.kind !== "experiment") throw new Error(`it is of the kind ${compiled.kind}`)
  return compiled.test(subjectOf(fields, surroundings).subject)
}

const field = (name: string, operator: string, targetValue: Condition["targetValue"]) => ({
  type: "user_field",
  field: name,
  operator,
  targetValue
})

describe("public", () => {
  it("passes for everyone", () => expect(passes({ type: "public" }, {})).toBe(true))

  it("does not distinguish users", () => expect(compile({ type: "public" })).toMatchObject({ selection: "everyone" }))
})

describe("pass_gate and fail_gate", () => {
  it.each([
    ["pass_gate", "other", { kind: "gate", gate: "other", negated: false }],
    ["fail_gate", "other", { kind: "gate", gate: "other", negated: true }],
    ["pass_gate", ["other"], { kind: "gate", gate: "", negated: false }]
  ])("%s evaluates the gate %j", (type, targetValue, expected) =>
    expect(compile({ type, targetValue })).toMatchObject(expected)
  )
})

describe("user_field", () => {
  const email = field("Email", "str_ends_with_any", ["@x.com"])

  it("passes for a user with the field", () => expect(passes(email, { email: "a@X.com" })).toBe(true))
  it("fails for another value", () => expect(passes(email, { email: "a@y.com" })).toBe(false))
  it("fails without the field", () => expect(passes(email, {})).toBe(false))
  it("has no value without a name", () =>
    expect(passes({ ...email, field: undefined }, { email: "@x.com" })).toBe(false))

  it.each<readonly [string, string, UserFields, UserValue]>([
    ["a field of the user before a custom one", "email", { email: "own", custom: { email: "custom" } }, "own"],
    ["a custom one where the user's own is empty", "email", { email: "", custom: { email: "custom" } }, "custom"],
    ["a field in any case", "USERAGENT", { userAgent: "own" }, "own"],
    ["a custom field with case first", "Plan", { custom: { plan: "lower", Plan: "exact" } }, "exact"],
    ["a custom field in lower case", "Plan", { custom: { plan: "lower" } }, "lower"],
    ["no custom field in another case", "plan", { custom: { Plan: "upper" } }, undefined],
    ["a global field behind the custom ones", "region", { custom: { region: "own" } }, "own"],
    ["a global field before private ones", "region", { privateAttributes: { region: "own" } }, "global"],
    ["a private attribute", "secret", { privateAttributes: { secret: 1 } }, 1],
    ["a field by its other spelling", "app_version", { appVersion: "1.2" }, "1.2"],
    ["a custom field before another spelling", "user_id", { userID: "own", custom: { user_id: "custom" } }, "custom"],
    ["no member of Object", "constructor", { custom: {} }, undefined],
    ["nothing where there is nothing", "plan", {}, undefined]
  ])("reads %s", (_, name, fields, expected) => {
    const { subject } = subjectOf(fields, { host: { globalCustomFields: { region: "global" } } })
    expect(readField(subject, name)).toBe(expected)
  })

  it("caches the text of a field for one user only", () => {
    const compiled = compile(field("email", "any", ["a", "b"]))
    const test = (fields: UserFields) => compiled.kind === "test" && compiled.test(subjectOf(fields).subject)
    expect(["a", "c", "b", "c"].map(email => test({ email }))).toEqual([true, false, true, false])
  })

  it("shares the text of a field among conditions, but not that of another field", () => {
    const parts = { bucketers: new Bucketers(), fieldTexts: new FieldTexts() }
    const both = ["email", "locale"].map(name =>
      compileCondition(name, { idType: "", ...field(name, "any", ["a"]) }, parts)
    )
    const { subject } = subjectOf({ email: "a", locale: "b" })
    expect(both.map(condition => condition.kind === "test" && condition.test(subject))).toEqual([true, false])
  })
})

describe("unit_id", () => {
  const any = (idType: string) => ({ type: "unit_id", idType, operator: "any", targetValue: ["a"] })

  it("passes for the ID", () => expect(passes(any("companyID"), { customIDs: { companyID: "a" } })).toBe(true))
  it("fails for another ID", () => expect(passes(any("companyID"), { customIDs: { companyID: "b" } })).toBe(false))
  it("fails without the ID", () => expect(passes(any("companyID"), { userID: "a" })).toBe(false))

  it.each<readonly [string, UserFields, UserValue]>([
    ["userID", { userID: "u", customIDs: { userID: "custom" } }, "u"],
    ["USERID", { userID: 7 }, 7],
    ["CompanyID", { customIDs: { companyid: "lower" } }, "lower"],
    ["companyid", { customIDs: { CompanyID: "upper" } }, undefined],
    ["companyID", {}, undefined]
  ])("reads the unit %s of %j", (idType, fields, expected) =>
    expect(compileUnit(idType)(new User(fields))).toBe(expected)
  )
})

describe("user_bucket", () => {
  const below = (targetValue: number) => ({
    type: "user_bucket",
    idType: "userID",
    operator: "lt",
    targetValue,
    additionalValues: { salt: "pepper" }
  })
  const bucketOf = (unit: string) =>
    Number(createHash("sha256").update(`pepper.${unit}`).digest().readBigUInt64BE() % 1000n)

  it("passes below the bucket that follows the user's", () =>
    expect(passes(below(bucketOf("u") + 1), { userID: "u" })).toBe(true))
  it("fails below the user's own bucket", () => expect(passes(below(bucketOf("u")), { userID: "u" })).toBe(false))
  it("treats a missing unit ID as the empty one", () => {
    expect(passes(below(bucketOf("") + 1), {})).toBe(true)
    expect(passes(below(bucketOf("")), {})).toBe(false)
  })
  it("splits users", () => expect(compile(below(1))).toMatchObject({ selection: "split", isVolatile: false }))

  it("looks a bucket up in a long list", () => {
    const listed = Array.from({ length: 500 }, (_, index) => index * 2)
    const compiled = compile({ ...below(0), operator: "any", targetValue: listed })
    for (let i = 0; i < 200; i++) {
      const { subject } = subjectOf({ userID: `u${i % 100}` })
      expect(compiled.kind === "test" && compiled.test(subject)).toBe(bucketOf(`u${i % 100}`) % 2 === 0)
    }
  })
})

describe("environment_field", () => {
  const tier = { type: "environment_field", field: "tier", operator: "any", targetValue: ["staging"] }

  it("passes in the user's environment", () =>
    expect(passes(tier, { statsigEnvironment: { tier: "Staging" } })).toBe(true))
  it("uses the tier of the SDK for users without one", () => expect(passes(tier, {}, { tier: "staging" })).toBe(true))
  it("fails in another environment", () =>
    expect(passes(tier, { statsigEnvironment: { tier: "production" } }, { tier: "staging" })).toBe(false))
  it("fails without an environment", () => expect(passes(tier, {})).toBe(false))
  it("uses only the tier from the SDK", () =>
    expect(passes({ ...tier, field: "name" }, {}, { tier: "staging" })).toBe(false))
})

describe("current_time", () => {
  const afterTime = (targetValue: number) => ({ type: "current_time", operator: "after", targetValue })
  const host = { now: () => 1_700_000_000_000 }

  it("passes after the target time", () => expect(passes(afterTime(1_699_999_999_999), {}, { host })).toBe(true))
  it("fails at the target time", () => expect(passes(afterTime(1_700_000_000_000), {}, { host })).toBe(false))
  it("is a missing value to other operators", () => {
    expect(passes({ ...afterTime(1), operator: "gt" }, {}, { host })).toBe(false)
    expect(passes({ ...afterTime(1), operator: "none", targetValue: ["1"] }, {}, { host })).toBe(true)
  })
  it("may change a moment later", () => expect(compile(afterTime(1))).toMatchObject({ isVolatile: true }))
})

describe("ua_based", () => {
  const browser = { type: "ua_based", field: "browser_name", operator: "any", targetValue: ["Chrome"] }
  const parts = { osName: "Linux", osVersion: "1", browserName: "Chrome", browserVersion: "120" }
  const host = { parseUserAgent: (text: string) => (text === "agent" ? parts : null) }

  it("passes for the browser", () => expect(passes(browser, { userAgent: "agent" }, { host })).toBe(true))
  it("fails for another browser", () =>
    expect(passes({ ...browser, targetValue: ["Safari"] }, { userAgent: "agent" }, { host })).toBe(false))
  it("fails without a user agent", () => expect(passes(browser, {}, { host })).toBe(false))
  it("fails for a user agent that is too long", () => {
    const userAgent = "é".repeat(501)
    expect(passes(browser, { userAgent }, { host: { parseUserAgent: () => parts } })).toBe(false)
    expect(passes(browser, { userAgent: "é".repeat(500) }, { host: { parseUserAgent: () => parts } })).toBe(true)
  })
  it("prefers the user's own field", () =>
    expect(passes(browser, { userAgent: "agent", custom: { browser_name: "Safari" } }, { host })).toBe(false))
  it.each([
    ["os_name", "Linux"],
    ["OSVersion", "1"],
    ["browserVersion", "120"],
    ["device", undefined]
  ])("reads %s", (name, expected) => {
    const compiled = compile({ ...browser, field: name })
    const { subject } = subjectOf({ userAgent: "agent" }, { host })
    expect(compiled.kind === "test" && compiled.steps?.read(subject)).toBe(expected)
  })
  it("reports a missing parser", () => {
    const { lacking, subject } = subjectOf({ userAgent: "agent" }, { host: { parseUserAgent: () => undefined } })
    const compiled = compile(browser)
    expect(compiled).toMatchObject({ mayLack: true })
    expect(compiled.kind === "test" && compiled.test(subject)).toBe(false)
    expect(lacking).toEqual(["UAParserNotLoaded:Recognized"])
  })
})

describe("ip_based", () => {
  const country = { type: "ip_based", field: "country", operator: "any", targetValue: ["DE"] }
  const host = { lookupCountry: (ip: string) => (ip === "1.2.3.4" ? "DE" : null) }

  it("passes for the country of the address", () => expect(passes(country, { ip: "1.2.3.4" }, { host })).toBe(true))
  it("fails for an address without a country", () => expect(passes(country, { ip: "::1" }, { host })).toBe(false))
  it("fails without an address", () => expect(passes(country, {}, { host })).toBe(false))
  it("prefers the user's own country", () =>
    expect(passes(country, { ip: "1.2.3.4", country: "US" }, { host })).toBe(false))
  it("reads other fields of the user unchanged", () =>
    expect(passes({ ...country, field: "Country" }, { ip: "1.2.3.4" }, { host })).toBe(false))
  it("reports a missing table", () => {
    const { lacking, subject } = subjectOf({ ip: "1.2.3.4" }, { host: { lookupCountry: () => undefined } })
    const compiled = compile(country)
    expect(compiled.kind === "test" && compiled.test(subject)).toBe(false)
    expect(lacking).toEqual(["CountryLookupNotLoaded:Recognized"])
  })
})

describe("target_app", () => {
  const app = { type: "target_app", operator: "any", targetValue: ["app"] }

  it("passes in the app", () => expect(passes(app, {}, { appId: "app" })).toBe(true))
  it("fails in another app", () => expect(passes(app, {}, { appId: "other" })).toBe(false))
  it("fails without an app", () => expect(passes(app, {})).toBe(false))
})

describe("experiment_group", () => {
  const group = { type: "experiment_group", field: "exp", operator: "any", targetValue: ["Test"] }

  it("passes in the group", () => expect(passes(group, {}, { groups: { exp: "Test" } })).toBe(true))
  it("fails in another group", () => expect(passes(group, {}, { groups: { exp: "Control" } })).toBe(false))
  it("fails without a group", () => expect(passes(group, {})).toBe(false))
  it("is a separate evaluation", () => expect(compile(group)).toMatchObject({ kind: "experiment" }))
  it("reads no experiment without a name", () =>
    expect(compile({ ...group, field: undefined })).toMatchObject({ kind: "test" }))
})

describe("ID lists", () => {
  const key = (id: string) => {
    const digest = createHash("sha256").update(id).digest()
    return `${digest.readUIntBE(0, 3)} ${digest.readUIntBE(3, 3)}`
  }
  const host = {
    isInIdList: (list: string, high: number, low: number) => list === "list" && `${high} ${low}` === key("u")
  }
  const listed = (operator: string, targetValue: Condition["targetValue"] = "list") => ({
    type: "unit_id",
    idType: "userID",
    operator,
    targetValue
  })

  it("in_segment_list passes for a listed ID", () =>
    expect(passes(listed("in_segment_list"), { userID: "u" }, { host })).toBe(true))
  it("in_segment_list fails for another ID, another list and no ID", () => {
    expect(passes(listed("in_segment_list"), { userID: "U" }, { host })).toBe(false)
    expect(passes(listed("in_segment_list", "other"), { userID: "u" }, { host })).toBe(false)
    expect(passes(listed("in_segment_list", ["list"]), { userID: "u" }, { host })).toBe(false)
    expect(passes(listed("in_segment_list"), {}, { host })).toBe(false)
  })
  it("not_in_segment_list is the opposite, also for a missing ID", () => {
    expect(passes(listed("not_in_segment_list"), { userID: "u" }, { host })).toBe(false)
    expect(passes(listed("not_in_segment_list"), { userID: "v" }, { host })).toBe(true)
    expect(passes(listed("not_in_segment_list"), {}, { host })).toBe(true)
  })
  it("may change a moment later", () => expect(compile(listed("in_segment_list"))).toMatchObject({ isVolatile: true }))
})

describe("unsupported conditions", () => {
  it.each([
    ["an unknown type", { type: "javascript", operator: "any", targetValue: ["a"] }, false],
    ["an unknown operator", { type: "user_field", field: "email", operator: "encoded_any" }, false],
    ["no operator", { type: "user_field", field: "email" }, false],
    ["an unknown operator of a user agent", { type: "ua_based", field: "os_name", operator: "x" }, true],
    ["a user agent without an operator", { type: "ua_based", field: "os_name" }, false],
    ["an unknown operator of an experiment", { type: "experiment_group", field: "exp", operator: "x" }, true]
  ])("%s", (_, condition, mustRead) => expect(compile(condition)).toMatchObject({ kind: "unsupported", mustRead }))
})
