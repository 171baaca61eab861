import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { compileBandit, scoreOf } from "../../../src/engine/conditions/bandit.js"
import type { Subject } from "../../../src/engine/conditions/conditions.js"
import { Bucketers } from "../../../src/engine/hashing/bucketing.js"
import type { Bandit, BanditModel } from "../../../src/engine/specs.js"
import { User, type UserFields } from "../../../src/engine/user.js"
import { makeHost } from "../support/host.js"

const subjectOf = (fields: UserFields, random = 0): Subject => ({
  user: new User(fields),
  host: makeHost({ random: () => random }),
  tier: undefined,
  appId: undefined,
  experimentGroup: () => undefined,
  lacks: () => {},
  found: undefined
})

const model = (parts: Partial<BanditModel>): BanditModel => ({
  alpha: 0,
  intercept: 0,
  records: 0,
  weightsNumerical: new Map(),
  weightsCategorical: new Map(),
  ...parts
})

const groups = ["a", "b", "c"].map(id => ({ id, name: `group ${id}`, parameterValues: {} }))

const bandit = (parts: Partial<Bandit>): Bandit => ({
  salt: "salt",
  defaultValue: {},
  idType: "userID",
  enabled: true,
  version: 1,
  sampleRate: 0,
  higherIsBetter: true,
  groups,
  ...parts
})

const pick = (parts: Partial<Bandit>, fields: UserFields = {}, random?: number) => {
  const { group, suffix } = compileBandit(bandit(parts), new Bucketers()).pick(subjectOf(fields, random))
  return [group.id, suffix]
}

const ofAge = (weight: number) => model({ weightsNumerical: new Map([["age", weight]]) })

describe("a bandit", () => {
  it("without models gives each group its share of the buckets", () => {
    for (let i = 0; i < 50; i++) {
      const bucket = Number(createHash("sha256").update(`salt.u${i}`).digest().readBigUInt64BE() % 10_000n)
      expect(pick({}, { userID: `u${i}` })).toEqual(["abc"[Math.floor((bucket * 3) / 10_000)], "explore"])
    }
  })

  it("explores randomly for the sampled users, and prefers groups with few records", () => {
    const config = new Map([
      ["a", model({ records: 1 })],
      ["b", model({ records: 9 })]
    ])
    const explored = (random: number) => pick({ sampleRate: 1, config }, {}, random)
    // The weights are 1/2, 1/10 and 1, in total 1.6.
    expect(explored(0)).toEqual(["a", "explore"])
    expect(explored(0.31)).toEqual(["a", "explore"])
    expect(explored(0.3125)).toEqual(["b", "explore"])
    expect(explored(0.37)).toEqual(["b", "explore"])
    expect(explored(0.38)).toEqual(["c", "explore"])
    expect(explored(0.9999)).toEqual(["c", "explore"])
  })

  const config = new Map([
    ["a", ofAge(1)],
    ["b", ofAge(3)],
    ["c", ofAge(2)]
  ])

  it("picks the group with the highest score", () =>
    expect(pick({ config }, { custom: { age: 2 } })).toEqual(["b", undefined]))

  it("picks the lowest score where that is better", () =>
    expect(pick({ config, higherIsBetter: false }, { custom: { age: 2 } })).toEqual(["a", undefined]))

  it("picks the first of equal scores, as without the value", () => expect(pick({ config })).toEqual(["a", undefined]))

  it("skips groups without a score", () =>
    expect(pick({ config: new Map([["c", ofAge(-1)]]) }, { custom: { age: 2 } })).toEqual(["c", undefined]))

  it("picks randomly where no group has a score", () => {
    expect(pick({ config: new Map() }, {}, 0.2)).toEqual(["a", undefined])
    expect(pick({ config: new Map() }, {}, 0.5)).toEqual(["b", undefined])
    expect(pick({ config: new Map() }, {}, 0.9)).toEqual(["c", undefined])
  })
})

describe("a score", () => {
  const weighing = model({
    intercept: 1,
    alpha: 0.5,
    weightsNumerical: new Map([["age", 2]]),
    weightsCategorical: new Map([
      [
        "plan",
        new Map([
          ["pro", 10],
          ['["x"]', 100],
          ['{"a":1}', 1000]
        ])
      ]
    ])
  })

  it.each<readonly [string, UserFields, number]>([
    ["adds the weights", { custom: { age: 3, plan: "pro" } }, 17.5],
    ["reads numbers from texts", { custom: { age: "3" } }, 7.5],
    ["compares lists by their JSON", { custom: { plan: ["x"] } }, 101.5],
    ["compares objects by their JSON", { custom: { plan: { a: 1 } } }, 1001.5],
    ["adds nothing for other values", { custom: { age: "x", plan: "free" } }, 1.5],
    ["adds nothing for missing values", {}, 1.5]
  ])("%s", (_, fields, score) => expect(scoreOf(weighing, subjectOf(fields))).toBe(score))

  it("needs a model with a weight", () => {
    expect(scoreOf(undefined, subjectOf({}))).toBeUndefined()
    expect(scoreOf(model({ intercept: 1 }), subjectOf({}))).toBeUndefined()
  })
})
