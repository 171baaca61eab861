import { assert, describe, it } from "vitest"
import { distinct, type Exposures, join } from "../../../src/engine/evaluate/exposures.js"
import { EventWriter } from "../../../src/engine/events/eventList.js"
import {
  answerOf,
  customText,
  type EventText,
  type Exposure,
  exposureText,
  formOf,
  keyRuleID,
  noRule,
  type SamplingNote,
  samplingParts,
  secondariesOf,
  secondaryText,
  userKey
} from "../../../src/engine/events/events.js"
import { hashID, hashName } from "../../../src/engine/hashing/samplingHash.js"
import { type Json, wellFormedJson } from "../../../src/engine/json.js"
import { User, type UserFields, userToLog } from "../../../src/engine/user.js"
import { Random } from "../../conformance/support/random.js"
import { type EvaluationFields, evaluationOf } from "../support/evaluations.js"

const user = new User({ userID: "u-1" })

const exposureOf = (fields: Partial<Exposure>, evaluation: EvaluationFields = {}): Exposure => ({
  kind: "gate",
  origin: "check",
  name: "gate",
  user,
  parameter: undefined,
  ...fields,
  evaluation: evaluationOf({ ruleID: "rule", ...evaluation })
})

const unitOf = (exposure: Exposure) => formOf(exposure).unitOf(exposure.user)

/** The serialised form of an event. */
const written = (text: EventText, who: User | undefined) => {
  const writer = new EventWriter(0, () => '{"userID":"logged"}')
  writer.write(text, who, 7)
  return JSON.parse(writer.text)
}

/** The serialised form of an exposure. */
const sentOf = (exposure: Exposure, more: { sampling?: SamplingNote; stripped?: boolean } = {}) =>
  written(exposureText(formOf(exposure), more.sampling, more.stripped === true), user)

/** A text as it is sent: without lone surrogates. */
const wellFormed = (text: string) => Buffer.from(text).toString()

const texts = [
  "",
  "plain",
  '"',
  "\\",
  "\n",
  "\u0000",
  "\u001f",
  "é",
  "🦊",
  "\ud800",
  "x\udfff",
  "\u2028",
  "</script>",
  'a\\"b'
]

const secondary = (gate: string) => ({ gate, gateValue: "true", ruleID: "r" }) as const

describe("the key of a user", () => {
  const equal: ReadonlyArray<readonly [UserFields, UserFields]> = [
    [{ userID: "a" }, { userID: "a", email: "e", custom: { x: 1 }, privateAttributes: { y: 2 } }],
    [{ userID: "a" }, { userID: "a", customIDs: {} }],
    [{ userID: "42" }, { userID: 42 }],
    [
      { userID: "a", customIDs: { x: "1", y: "2" } },
      { userID: "a", customIDs: { y: "1", x: "2" } }
    ],
    [{ customIDs: { x: "1" } }, { customIDs: { z: "1" } }],
    [{ customIDs: { stableID: "1" } }, { customIDs: { stableid: "1" } }],
    [{ customIDs: { x: 1 } }, { customIDs: { x: "1.0" } }]
  ]
  it.each(equal)("is the same for %j and %j", (one, other) => {
    assert.strictEqual(userKey(new User(one)).text, userKey(new User(other)).text)
  })

  const different: ReadonlyArray<readonly [UserFields, UserFields]> = [
    [{ userID: "a" }, { userID: "b" }],
    [{ userID: "" }, {}],
    [{ userID: "a" }, { userID: "a", customIDs: { x: "1" } }],
    [{ customIDs: { x: "1" } }, { customIDs: { x: "2" } }],
    [{ customIDs: { x: "1" } }, { customIDs: { stableID: "1" } }],
    [{ customIDs: { x: "1" } }, { customIDs: { x: "1", y: "1" } }],
    [{ userID: '["a",null,"1"]' }, { userID: "a", customIDs: { x: "1" } }],
    [{ customIDs: { x: "1,2" } }, { customIDs: { x: "1", y: "2" } }],
    [{ customIDs: { x: "11:2" } }, { customIDs: { x: "1", y: "2" } }],
    [{ userID: "[1:a-1:1" }, { userID: "a", customIDs: { x: "1" } }],
    [{ customIDs: { x: "-" } }, { customIDs: { stableID: "" } }]
  ]
  it.each(different)("differs for %j and %j", (one, other) => {
    assert.notStrictEqual(userKey(new User(one)).text, userKey(new User(other)).text)
  })

  it("is equal exactly where the official hash is equal", () => {
    const random = new Random(1)
    const ids: ReadonlyArray<Json> = ["a", "b", "", "1", "1.0", 1, '["a",null]', "[", "é"]
    const made = random.times(400, () => {
      const customIDs = Object.fromEntries(
        random.times(random.below(3), () => [random.pick(["stableID", "stableid", "x", "y"]), random.pick(ids)])
      )
      return new User({
        userID: random.chance(0.7) ? random.pick(ids) : undefined,
        customIDs: random.chance(0.7) ? customIDs : undefined
      })
    })
    const groups = new Map<string, Set<string>>()
    const hashes = new Set<string>()
    for (const user of made) {
      const hash = JSON.stringify(samplingParts("", "", user, false, undefined)[2])
      const key = userKey(user).text
      groups.set(key, (groups.get(key) ?? new Set()).add(hash))
      hashes.add(hash)
    }
    assert.isAbove(groups.size, 50)
    assert.strictEqual(groups.size, hashes.size)
    for (const [key, group] of groups) assert.strictEqual(group.size, 1, key)
  })
})

describe("the key of an exposure", () => {
  const ids = new User({ userID: "u", customIDs: { companyID: "c", teamid: "t", "": "none" } })
  const units: ReadonlyArray<readonly [Exposure["origin"], string | undefined, string | undefined]> = [
    ["check", "userID", "u"],
    ["check", "USERID", "u"],
    ["check", "companyID", "c"],
    ["check", "teamID", "t"],
    ["check", "deviceID", undefined],
    ["check", undefined, undefined],
    ["parameterStore", undefined, "none"],
    ["parameterStore", "companyID", "c"],
    ["get", "userID", undefined],
    ["manual", "companyID", undefined]
  ]
  it.each(units)("includes the unit ID of a %s by %s: %s", (origin, idType, unit) => {
    assert.strictEqual(unitOf(exposureOf({ origin, user: ids }, { idType })), unit)
  })

  it("includes no unit ID that the user lacks", () => {
    assert.isUndefined(unitOf(exposureOf({ user: new User({}) }, { idType: "userID" })))
    assert.isUndefined(unitOf(exposureOf({ user: new User({ userID: "u" }) }, { idType: "companyID" })))
  })

  const answers: ReadonlyArray<readonly [Partial<Exposure>, EvaluationFields, boolean | string]> = [
    [{}, { bool: true }, true],
    [{ kind: "experiment", origin: "get" }, { bool: true }, true],
    [{ kind: "experiment", origin: "manual" }, { bool: true }, false],
    [{ kind: "experiment", origin: "manual" }, { isExperimentGroup: true }, true],
    [{ kind: "experiment", origin: "parameterStore" }, { isExperimentGroup: true }, true],
    [{ kind: "dynamicConfig", origin: "manual" }, { bool: true }, true],
    [{ kind: "layer", origin: "get", parameter: "" }, { bool: true }, ""],
    [{ kind: "layer", origin: "manual", parameter: "p" }, {}, "p"]
  ]
  it.each(answers)("compares the value of %j with %j as %s", (fields, evaluation, answer) => {
    assert.strictEqual(answerOf(exposureOf(fields, evaluation)), answer)
  })

  it("has the parameter's rule in new layer evaluation for getters, else the layer's", () => {
    const evaluation = { ruleID: "layer_rule", parameterRuleIDs: new Map([["p", "own_rule"]]) }
    const ruleIDs = (origin: Exposure["origin"], parameter: string) => {
      const exposure = exposureOf({ kind: "layer", origin, parameter }, evaluation)
      return [keyRuleID(exposure), sentOf(exposure).metadata.ruleID]
    }
    assert.deepStrictEqual(ruleIDs("get", "p"), ["own_rule", "own_rule"])
    assert.deepStrictEqual(ruleIDs("parameterStore", "p"), ["layer_rule", "own_rule"])
    assert.deepStrictEqual(ruleIDs("manual", "p"), ["layer_rule", "layer_rule"])
    assert.deepStrictEqual(ruleIDs("get", "constructor"), ["layer_rule", "layer_rule"])
  })

  it("treats an empty rule ID as none, except for a layer's getter", () => {
    const ruleID = (fields: Partial<Exposure>, ruleID: string | undefined, ruleSuffix?: string) =>
      keyRuleID(exposureOf(fields, { ruleID, ruleSuffix }))
    assert.strictEqual(ruleID({}, ""), "")
    assert.strictEqual(ruleID({}, undefined), noRule)
    assert.strictEqual(ruleID({ kind: "layer", origin: "get", parameter: "p" }, undefined), "")
    assert.strictEqual(ruleID({ kind: "layer", origin: "manual", parameter: "p" }, undefined), noRule)
    assert.strictEqual(ruleID({ kind: "layer", origin: "manual", parameter: "p" }, undefined, "explore"), noRule)
    assert.strictEqual(ruleID({ kind: "layer", origin: "get", parameter: "p" }, undefined, "explore"), ":explore")
  })

  it("separates a store's parameter from the same one of a getter", () => {
    const answer = (origin: Exposure["origin"]) => answerOf(exposureOf({ kind: "layer", origin, parameter: "p" }))
    assert.strictEqual(answer("get"), answer("manual"))
    assert.notStrictEqual(answer("get"), answer("parameterStore"))
    const hash = (origin: Exposure["origin"]) => samplingParts("layer", "rule", user, answer(origin), undefined)[3]
    assert.deepStrictEqual(hash("get"), hashName("p"))
    assert.deepStrictEqual(hash("parameterStore"), hashID("p"))
  })
})

describe("secondary exposures", () => {
  const evaluation = { explicitParameters: ["explicit"], secondaryExposures: [secondary("a"), secondary("b")] }

  it("are all listed except for a non-explicit layer parameter", () => {
    assert.deepStrictEqual(secondariesOf(exposureOf({}, evaluation)), [secondary("a"), secondary("b")])
    const layer = (parameter: string, more: EvaluationFields = {}) =>
      secondariesOf(exposureOf({ kind: "layer", parameter }, { ...evaluation, ...more }))
    assert.deepStrictEqual(layer("explicit"), [secondary("a"), secondary("b")])
    assert.isNull(layer("other"))
    const stored = { kind: "layer", origin: "parameterStore", parameter: "other" } as const
    assert.deepStrictEqual(secondariesOf(exposureOf(stored, evaluation)), [])
    assert.deepStrictEqual(layer("other", { undelegatedSecondaryExposures: [secondary("a")] }), [secondary("a")])
  })

  it("are sent whole where a gate is nested twice at each level", () => {
    let exposures: Exposures = [secondary("gate 0")]
    for (let level = 1; level <= 10; level++) exposures = join(join(exposures, exposures), [secondary(`gate ${level}`)])
    const exposure = exposureOf({}, { exposures })
    const expected = exposure.evaluation.secondaryExposures
    assert.lengthOf(expected, 2047)
    assert.deepStrictEqual(
      expected.slice(0, 4),
      ["gate 0", "gate 0", "gate 1", "gate 0"].map(name => secondary(name))
    )
    for (let time = 0; time < 2; time++) assert.deepStrictEqual(sentOf(exposure).secondaryExposures, expected)
    assert.deepStrictEqual(
      distinct(exposures).map(({ gate }) => gate),
      Array.from({ length: 11 }, (_, level) => `gate ${level}`)
    )
  })

  it("are absent, not an empty list, when the evaluation failed", () => {
    const reason = "Error:Statsig Evaluation Depth Exceeded"
    for (const origin of ["check", "get", "manual"] as const) {
      assert.isNull(sentOf(exposureOf({ origin }, { reason })).secondaryExposures)
    }
  })

  it("are sent as null, as an empty list, or not at all when they are logged as separate exposures", () => {
    const layer = exposureOf({ kind: "layer", parameter: "other" }, evaluation)
    assert.isNull(sentOf(layer).secondaryExposures)
    assert.isNull(sentOf(layer, { stripped: true }).secondaryExposures)
    assert.deepStrictEqual(sentOf(exposureOf({})).secondaryExposures, [])
    assert.deepStrictEqual(sentOf(exposureOf({}, evaluation), { stripped: true }).secondaryExposures, [])
  })
})

describe("the JSON of an event", () => {
  it("has its keys in the order of the official SDK", () => {
    const keys = "eventName value metadata statsigMetadata user time secondaryExposures".split(" ")
    const form = formOf(exposureOf({}))
    const noted: SamplingNote = { samplingRate: 4, samplingMode: "on", shadowLogged: "logged" }
    const events = [
      form,
      exposureText(form, noted, true),
      secondaryText(secondary("a"), undefined),
      customText("e", null, null)
    ]
    for (const event of events) assert.deepStrictEqual(Object.keys(written(event, user)), keys)
  })

  it("of a gate has its value and reason", () => {
    const exposure = exposureOf({}, { bool: true, lcut: 5, receivedAt: 6, version: 3, overrideConfigName: "other" })
    assert.deepStrictEqual(
      sentOf(exposure, { sampling: { samplingRate: 4, samplingMode: "on", shadowLogged: "logged" } }),
      {
        eventName: "statsig::gate_exposure",
        value: null,
        metadata: {
          gate: "gate",
          gateValue: "true",
          ruleID: "rule",
          reason: "Network:Recognized",
          lcut: "5",
          receivedAt: "6",
          configVersion: "3",
          overrideConfigName: "other"
        },
        statsigMetadata: { samplingRate: 4, samplingMode: "on", shadowLogged: "logged" },
        user: { userID: "logged" },
        time: 7,
        secondaryExposures: []
      }
    )
  })

  const passed: ReadonlyArray<readonly [Exposure["kind"], Exposure["origin"], string | undefined]> = [
    ["dynamicConfig", "get", "true"],
    ["dynamicConfig", "manual", "true"],
    ["dynamicConfig", "parameterStore", "true"],
    ["experiment", "get", "true"],
    ["experiment", "manual", undefined],
    ["experiment", "parameterStore", undefined]
  ]
  it.each(passed)("of a %s by %s has rulePassed %s", (kind, origin, rulePassed) => {
    const { eventName, metadata } = sentOf(exposureOf({ kind, origin, name: "config" }, { bool: true }))
    assert.strictEqual(eventName, "statsig::config_exposure")
    assert.strictEqual(metadata.rulePassed, rulePassed)
    assert.strictEqual(metadata.config, "config")
    assert.strictEqual(metadata.isManualExposure, origin === "manual" ? "true" : undefined)
  })

  it("of a layer names the delegate, unless a getter read it", () => {
    const metadata = (origin: Exposure["origin"]) =>
      sentOf(exposureOf({ kind: "layer", origin, parameter: "p" }, { overrideConfigName: "other" })).metadata
    assert.notProperty(metadata("get"), "overrideConfigName")
    assert.propertyVal(metadata("manual"), "overrideConfigName", "other")
  })

  it("of a layer names the experiment for explicit parameters only", () => {
    const evaluation = { explicitParameters: ["p"], configDelegate: "experiment" }
    const metadata = (parameter: string, more: EvaluationFields = {}) =>
      sentOf(exposureOf({ kind: "layer", origin: "get", parameter }, { ...evaluation, ...more })).metadata
    assert.deepInclude(metadata("p"), {
      parameterName: "p",
      isExplicitParameter: "true",
      allocatedExperiment: "experiment"
    })
    assert.deepInclude(metadata("q"), { parameterName: "q", isExplicitParameter: "false", allocatedExperiment: "" })
    assert.strictEqual(metadata("p", { configDelegate: undefined }).allocatedExperiment, "")
    assert.notProperty(metadata("p"), "rulePassed")
  })

  it("carries any text unchanged", () => {
    for (const text of texts) {
      const evaluation = { ruleID: text, reason: text, overrideConfigName: text, configDelegate: text }
      const layer = exposureOf(
        { kind: "layer", origin: "manual", name: text, parameter: text },
        { ...evaluation, explicitParameters: [text], secondaryExposures: [secondary(text)] }
      )
      const { metadata, secondaryExposures } = sentOf(layer)
      for (const key of ["config", "parameterName", "ruleID", "reason", "overrideConfigName", "allocatedExperiment"]) {
        assert.strictEqual(metadata[key], wellFormed(text), key)
      }
      const sent = wellFormed(text)
      assert.deepStrictEqual(secondaryExposures, [secondary(sent)])
      assert.strictEqual(sentOf(exposureOf({ name: text })).metadata.gate, sent)
      const { eventName, metadata: own, value } = written(customText(text, text, { [text]: text }), user)
      assert.deepStrictEqual([eventName, value, own], [sent, sent, { [sent]: sent }])
    }
  })

  it("has no lone surrogates, and is otherwise unchanged", () => {
    const random = new Random(11)
    const pieces = [
      "\ud800",
      "\udfff",
      "\ud83d\ude00",
      "\\",
      "\\ud800",
      '"',
      "u",
      "d800",
      "\n",
      "\u0000",
      "\uffff",
      "é"
    ]
    for (let i = 0; i < 2000; i++) {
      const text = Array.from({ length: random.between(0, 8) }, () => random.pick(pieces)).join("")
      const json = wellFormedJson(JSON.stringify({ [text]: [text] }))
      assert.deepStrictEqual(JSON.parse(json), { [wellFormed(text)]: [wellFormed(text)] })
    }
  })

  it("of the SDK itself has an empty user", () => {
    assert.deepInclude(written(customText("e", 1.5, null), undefined), { user: {}, value: 1.5 })
  })
})

describe("the logged user", () => {
  const logged = (fields: UserFields, globals?: UserFields["custom"], tier?: string) =>
    JSON.parse(userToLog(new User(fields), globals, tier))

  it("has its fields in the order they were set, and never a private attribute", () => {
    const fields: UserFields = {
      statsigEnvironment: { tier: "t", other: "o" },
      privateAttributes: { secret: "s" },
      custom: { nil: null, list: [1, "a"] },
      appVersion: "",
      locale: "l",
      country: "c",
      userAgent: "ua",
      ip: "1",
      email: "e",
      customIDs: { companyID: "co" },
      userID: "u"
    }
    assert.strictEqual(
      userToLog(new User(fields), undefined, "staging"),
      '{"userID":"u","customIDs":{"companyID":"co"},"email":"e","ip":"1","userAgent":"ua","country":"c","locale":"l","appVersion":"","custom":{"nil":null,"list":[1,"a"]},"statsigEnvironment":{"tier":"t","other":"o"}}'
    )
    assert.deepStrictEqual(logged({}), {})
  })

  it("has the global fields after its own", () => {
    assert.deepStrictEqual(logged({ custom: { a: 1 } }, { a: 2, b: 3 }).custom, { a: 1, b: 3 })
    assert.deepStrictEqual(logged({}, { b: 3 }).custom, { b: 3 })
    assert.deepStrictEqual(logged({ custom: {} }).custom, {})
    assert.deepStrictEqual(logged({}, {}).custom, {})
  })

  it("has its own environment, even an empty one, else that of the SDK", () => {
    assert.deepStrictEqual(logged({ statsigEnvironment: {} }, undefined, "staging").statsigEnvironment, {})
    assert.deepStrictEqual(logged({}, undefined, "staging").statsigEnvironment, { tier: "staging" })
    assert.deepStrictEqual(logged({}, undefined, "").statsigEnvironment, { tier: "" })
    assert.notProperty(logged({}), "statsigEnvironment")
  })

  it("keeps names with a special meaning in objects", () => {
    const custom = JSON.parse('{"__proto__":"own","constructor":"c"}')
    const globals = JSON.parse('{"__proto__":"global","toString":"t"}')
    const text = userToLog(new User({ custom }), globals, undefined)
    const expected = { __proto__: null, constructor: "c", toString: "t" }
    const entries = new Map(Object.entries(JSON.parse(text).custom))
    assert.strictEqual(entries.get("__proto__"), "own")
    for (const name of ["constructor", "toString"] as const) assert.strictEqual(entries.get(name), expected[name])
  })
})
