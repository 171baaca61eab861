import { assert, describe, it } from "vitest"
import type { Engine } from "../../../src/engine/engine.js"
import { EventList } from "../../../src/engine/events/eventList.js"
import { customText } from "../../../src/engine/events/events.js"
import { User } from "../../../src/engine/user.js"
import { gateSpec, payload } from "../../layers/support/specs.js"
import { engineOver, parseSpecs } from "../support/engine.js"

const condition = (type: string, operator: string, targetValue: unknown, field: string | null = null) => ({
  type,
  operator,
  targetValue,
  field,
  additionalValues: {},
  idType: "userID"
})

const specs = (target: string) =>
  payload({
    fields: {
      feature_gates: {
        abroad: gateSpec(true, ["country"]),
        nested: gateSpec(true, ["abroad"]),
        vip: gateSpec(true, ["vips"])
      },
      condition_map: {
        country: condition("ip_based", "any", [target], "country"),
        abroad: condition("pass_gate", "any", "abroad"),
        vips: condition("unit_id", "in_segment_list", "vips")
      }
    }
  })

const snapshot = await parseSpecs(specs("SE"))

const check = (engine: Engine, name: string, user: User): boolean => engine.evaluate("gate", user, name, true).bool

/** An engine that counts the look-ups of countries, and two users who are in Sweden and in Norway. */
const withLookups = (lookup: (ip: string) => string | null | undefined = ip => (ip === "1" ? "SE" : "NO")) => {
  const lookups: Array<string> = []
  const engine = engineOver(snapshot, {
    host: {
      lookupCountry: ip => {
        lookups.push(ip)
        return lookup(ip)
      }
    }
  })
  return { engine, lookups, users: ["1", "2"].map(ip => new User({ userID: ip, ip })) }
}

describe("decisions for users who ask by turns", () => {
  it("are kept with a user from the second turn on", () => {
    const { engine, lookups, users } = withLookups()
    // The first user of each outcome is evaluated twice.
    for (const user of users) check(engine, "nested", new User({ ...user }))
    lookups.length = 0
    for (let turn = 0; turn < 10; turn++) {
      assert.deepStrictEqual(
        users.map(user => check(engine, "nested", user)),
        [true, false]
      )
    }
    // Each user's first two turns.
    assert.deepStrictEqual(lookups, ["1", "2", "1", "2"])
  })

  it("follow an ID list that changes", () => {
    const members = new Set<number>()
    const engine = engineOver(snapshot, { host: { isInIdList: (_list, high) => members.has(high) || members.has(-1) } })
    const users = ["1", "2"].map(userID => new User({ userID }))
    const answers = () => users.map(user => check(engine, "vip", user))
    for (let turn = 0; turn < 3; turn++) assert.deepStrictEqual(answers(), [false, false])
    members.add(-1)
    for (let turn = 0; turn < 3; turn++) assert.deepStrictEqual(answers(), [true, true])
    members.clear()
    assert.deepStrictEqual(answers(), [false, false])
  })

  it("are made again when a country table that was missing is there", () => {
    let isLoaded = false
    const { engine, users } = withLookups(() => (isLoaded ? "SE" : undefined))
    const answers = () => users.map(user => check(engine, "nested", user))
    for (let turn = 0; turn < 3; turn++) assert.deepStrictEqual(answers(), [false, false])
    isLoaded = true
    assert.deepStrictEqual(answers(), [true, true])
  })

  it("belong to one state of the specs", async () => {
    const { engine, users } = withLookups()
    const other = engineOver(await parseSpecs(specs("NO")), {
      host: { lookupCountry: ip => (ip === "1" ? "SE" : "NO") }
    })
    const answers = (engine: Engine) => users.map(user => check(engine, "nested", user))
    for (let turn = 0; turn < 3; turn++) assert.deepStrictEqual(answers(engine), [true, false])
    for (let turn = 0; turn < 3; turn++) assert.deepStrictEqual(answers(other), [false, true])
    for (let turn = 0; turn < 3; turn++) {
      assert.deepStrictEqual(answers(engine), [true, false])
      assert.deepStrictEqual(answers(other), [false, true])
    }
  })

  it("are as those of users who ask once, for more gates than are kept", async () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `gate ${index}`)
    const many = await parseSpecs(
      payload({
        fields: {
          feature_gates: Object.fromEntries(names.map((name, index) => [name, gateSpec(true, [`at ${index % 7}`])])),
          condition_map: Object.fromEntries(
            Array.from({ length: 7 }, (_, level) => [`at ${level}`, condition("user_field", "gt", level, "level")])
          )
        }
      })
    )
    const engine = engineOver(many)
    const users = Array.from({ length: 9 }, (_, level) => new User({ userID: "u", custom: { level } }))
    for (const [index, name] of [...names, ...names].entries()) {
      for (const [level, user] of users.entries()) {
        assert.strictEqual(check(engine, name, user), level > (index % names.length) % 7)
      }
    }
  })

  it("have room for every gate of a large project", async () => {
    const names = Array.from({ length: 30_000 }, (_, index) => `gate ${index}`)
    const fields = {
      feature_gates: Object.fromEntries(names.map(name => [name, gateSpec(true, ["country"])])),
      condition_map: { country: condition("ip_based", "any", ["SE"], "country") }
    }
    const lookups: Array<string> = []
    const lookupCountry = (ip: string) => {
      lookups.push(ip)
      return ip === "1" ? "SE" : "NO"
    }
    const engine = engineOver(await parseSpecs(payload({ fields })), { host: { lookupCountry } })
    const users = ["1", "2"].map(ip => new User({ userID: ip, ip }))
    for (const name of names) for (const user of users) check(engine, name, user)
    lookups.length = 0
    const answers = users.map(user => check(engine, "gate 29999", new User({ ...user })))
    assert.deepStrictEqual(answers, [true, false])
    // An evaluation would look up the country once more.
    assert.deepStrictEqual(lookups, ["1", "2"])
  })

  it("respect a config mapping of a nested gate that does not exist", async () => {
    const fields = {
      feature_gates: { outer: gateSpec(true, ["outer"]), open: gateSpec(true, []) },
      condition_map: {
        outer: condition("pass_gate", "any", "lost"),
        sweden: condition("ip_based", "any", ["SE"], "country")
      },
      overrides: { lost: [{ new_config_name: "open", rules: [{ rule_name: "abroad" }] }] },
      override_rules: { abroad: gateSpec(true, ["sweden"]).rules[0] }
    }
    const lookupCountry = (ip: string) => (ip === "1" ? "SE" : "NO")
    const engine = engineOver(await parseSpecs(payload({ fields })), { host: { lookupCountry } })
    const users = ["2", "1", "2", "1"].map(ip => new User({ userID: ip, ip }))
    const answers = users.map(user => check(engine, "outer", user))
    assert.deepStrictEqual(answers, [false, true, false, true])
  })

  it("are released when the user's events are in a full batch", () => {
    const { engine, users } = withLookups()
    const list = new EventList()
    for (let turn = 0; turn < 3; turn++) for (const user of users) check(engine, "nested", user)
    list.push(customText("event", null, null), users[1], 0, 1)
    assert.deepStrictEqual(
      users.map(user => user.decisions?.length),
      [128, 128]
    )
    list.releaseUsers()
    assert.deepStrictEqual(
      users.map(user => user.decisions?.length),
      [128, undefined]
    )
    assert.deepStrictEqual(
      users.map(user => check(engine, "nested", user)),
      [true, false]
    )
  })
})
