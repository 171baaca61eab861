import { describe, expect, it } from "vitest"
import { Evaluation, type Question } from "../../../src/engine/evaluate/evaluation.js"
import {
  byReference,
  overLoaded,
  type Persistence,
  type RuleFilter,
  type StickyOptions,
  type StickyValues,
  settle,
  stickyKey
} from "../../../src/engine/evaluate/sticky.js"
import type { SpecKind } from "../../../src/engine/specs.js"
import { User } from "../../../src/engine/user.js"
import { runVectors } from "../support/runVectors.js"

runVectors(name => name === "sticky")

const kept: StickyValues = {
  value: true,
  json_value: { kept: true },
  rule_id: "kept rule",
  group_name: "Kept",
  secondary_exposures: [],
  undelegated_secondary_exposures: null,
  config_delegate: null,
  explicit_parameters: null,
  time: 5,
  config_version: 2
}

const found = (fields: Partial<Evaluation> = {}): Evaluation =>
  Object.assign(new Evaluation(), {
    name: "exp",
    idType: "userID",
    ruleID: "rule",
    isExperimentActive: true,
    isExperimentGroup: true,
    ...fields
  })

interface Situation {
  readonly kind?: SpecKind
  readonly now?: Evaluation
  /** The user's stored assignments. */
  readonly known?: Readonly<Record<string, StickyValues>>
  readonly options?: StickyOptions
  readonly passes?: (experiment: string, filter: RuleFilter) => boolean
  readonly isActive?: boolean
}

/** The rule of the resulting evaluation, and what was stored. */
const settled = ({ isActive, kind = "experiment", known, now = found(), options = {}, passes }: Situation) => {
  const stored: Array<string> = []
  const persistence: Persistence = {
    valuesOf: () => known && new Map(Object.entries(known)),
    save: (key, name) => stored.push(`save ${key} ${name}`),
    delete: (key, name) => stored.push(`delete ${key} ${name}`)
  }
  const question: Question = { kind, user: new User({ userID: "u" }), name: "asked" }
  const answer = settle(question, now, options, persistence, {
    now: () => 9,
    isActive: () => isActive,
    passes: passes ?? (() => false)
  })
  return { answer, ruleID: answer.ruleID, stored }
}

describe("a sticky assignment", () => {
  it("is saved when the user gets a group of an active experiment", () =>
    expect(settled({ known: {} })).toMatchObject({ ruleID: "rule", stored: ["save u:userID exp"] }))

  it("is not saved without a group", () =>
    expect(settled({ known: {}, now: found({ isExperimentGroup: false }) }).stored).toEqual([]))

  it("is returned instead of the current evaluation", () => {
    const { answer, stored } = settled({ known: { exp: kept } })
    expect(stored).toEqual([])
    expect(answer).toMatchObject({
      name: "exp",
      ruleID: "kept rule",
      groupName: "Kept",
      value: { kept: true },
      reason: "Persisted",
      lcut: 5,
      receivedAt: 9,
      version: 2
    })
  })

  it("is deleted when the experiment has ended", () =>
    expect(settled({ known: { exp: kept }, now: found({ isExperimentActive: false }) })).toMatchObject({
      ruleID: "rule",
      stored: ["delete u:userID exp"]
    }))

  it("is deleted when the user's assignments are not loaded", () =>
    expect(settled({})).toMatchObject({ ruleID: "rule", stored: ["delete u:userID exp"] }))

  it("of a user without the unit ID is neither read nor stored", () =>
    expect(settled({ known: { exp: kept }, now: found({ idType: "companyID" }) })).toMatchObject({
      ruleID: "rule",
      stored: []
    }))

  it("of a layer depends on the experiment that originally decided", () => {
    const known = { exp: { ...kept, config_delegate: "delegate" } }
    const now = found({ isExperimentActive: false })
    expect(settled({ kind: "layer", known, now, isActive: true }).ruleID).toBe("kept rule")
    expect(settled({ kind: "layer", known, isActive: false }).stored).toEqual(["delete u:userID exp"])
  })

  it.each([
    ["targeting", { enforceTargeting: true }, ["targetingGate", "inlineTargetingRules"], ["an override", "target"]],
    ["overrides", { enforceOverrides: true }, ["override", "id_override"], ["overridden", "targetingGate"]]
  ])("is replaced by %s where that is enforced, and only by those rules", (_, options, looked, passed) => {
    const filters: Array<RuleFilter> = []
    const passes = (_: string, filter: RuleFilter) => filters.push(filter) > 0
    expect(settled({ known: { exp: kept }, options, passes }).ruleID).toBe("rule")
    expect(settled({ known: { exp: kept }, options }).ruleID).toBe("kept rule")
    expect(looked.every(id => filters[0]?.(id))).toBe(true)
    expect(passed.some(id => filters[0]?.(id))).toBe(false)
  })

  it("that is read by reference is looked up under the requested name", () =>
    expect(settled({ known: { asked: kept }, options: byReference }).ruleID).toBe("kept rule"))

  it("passed to a check takes precedence over a stored one", () => {
    const options = { userPersistedValues: new Map([["exp", { ...kept, rule_id: "brought" }]]) }
    expect(settled({ known: { exp: kept }, options }).ruleID).toBe("brought")
  })
})

describe("the storage key", () => {
  it.each([
    ["userID", "u:userID"],
    ["companyID", "7:companyID"],
    ["object", ":object"],
    ["deviceID", undefined]
  ])("of the unit %s is %s", (idType, key) =>
    expect(stickyKey(new User({ userID: "u", customIDs: { companyID: 7, object: {} } }), idType)).toBe(key)
  )
})

describe("loaded assignments", () => {
  const told: Array<string> = []
  const persistence = overLoaded(new Map([["u:userID", new Map([["exp", kept]])]]), {
    valuesOf: () => undefined,
    save: (key, name) => told.push(`save ${key} ${name}`),
    delete: (key, name) => told.push(`delete ${key} ${name}`)
  })

  it("change at once, before the storage does", () => {
    persistence.save("u:userID", "other", kept)
    persistence.delete("u:userID", "exp")
    persistence.delete("u:userID", "unknown")
    expect([...(persistence.valuesOf("u:userID")?.keys() ?? [])]).toEqual(["other"])
    expect(told).toEqual(["save u:userID other", "delete u:userID exp"])
  })

  it("of other users stay unchanged", () => {
    persistence.save("v:userID", "exp", kept)
    persistence.delete("v:userID", "exp")
    expect(persistence.valuesOf("v:userID")).toBeUndefined()
    expect(told).toHaveLength(2)
  })
})
