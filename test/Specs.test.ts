import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { benchSpecs, benchUsers } from "../bench/project.js"
import { makeBuffer } from "../src/ClientInitialize.js"
import { ClientInitialize } from "../src/engine/clientInitialize/clientInitialize.js"
import type { Host } from "../src/engine/conditions/conditions.js"
import { Engine } from "../src/engine/engine.js"
import type { Snapshot } from "../src/engine/payload/snapshot.js"
import * as Specs from "../src/Specs.js"
import * as StatsigUser from "../src/StatsigUser.js"
import { Random } from "./conformance/support/random.js"
import { payload } from "./layers/support/specs.js"

const ignore = () => {}

/** The snapshot of a payload with specs. */
const snapshotOf = (body: string | Uint8Array, before?: Snapshot, onWarning: (w: Specs.SpecWarning) => void = ignore) =>
  Effect.map(Specs.parse(body, onWarning, before), parsed => {
    if (parsed._tag === "NoUpdates") throw new Error("expected specs")
    return parsed.snapshot
  })

const condition = (targetValue: unknown) => ({
  type: "user_field",
  targetValue,
  operator: "any",
  field: "userID",
  additionalValues: {},
  idType: "userID"
})

const gate = (...conditions: ReadonlyArray<string>) => ({
  type: "feature_gate",
  entity: "feature_gate",
  salt: "salt",
  enabled: true,
  defaultValue: false,
  idType: "userID",
  rules: [{ name: "r", id: "r", passPercentage: 100, returnValue: true, conditions, idType: "userID", salt: "s" }]
})

const project = (gates: object, conditions: object, fields: object = {}): string =>
  payload({ fields: { feature_gates: gates, condition_map: conditions, ...fields } })

const users = benchUsers(6).map(StatsigUser.make)

/** All results of a snapshot for some users. */
const answersOf = (snapshot: Snapshot): unknown => {
  const view = { source: "Network", snapshot, receivedAt: 0, defaultEnvironment: undefined }
  const host: Host = {
    now: () => 1_760_000_000_000,
    random: () => 0.5,
    parseUserAgent: () => null,
    lookupCountry: ip => (ip.startsWith("7") ? "US" : "DE"),
    isInIdList: () => false,
    environment: undefined,
    globalCustomFields: undefined
  }
  const responses = new ClientInitialize("{}")
  const engine = new Engine({ host, view: () => view, onExperimentRead: ignore, responses })
  return users.map(user => {
    const buffer = makeBuffer()
    engine.writeClientInitializeResponse(user, {}, buffer)
    const gates = [...snapshot.names("gates")].map(name => {
      const { bool, reason, ruleID, secondaryExposures } = engine.evaluate("gate", user, name, false)
      return [name, bool, reason, ruleID, secondaryExposures]
    })
    return { response: JSON.parse(new TextDecoder().decode(buffer.bytes)), gates }
  })
}

type Table = Record<string, object>

/** Changes something in a project; its text may stay the same. */
const edit = (specs: Record<string, unknown>, random: Random): void => {
  const key = random.pick(["feature_gates", "dynamic_configs", "layer_configs", "condition_map", "condition_map"])
  const table = specs[key] as Table
  const names = Object.keys(table)
  const name = random.pick(names)
  const other = random.pick(names)
  switch (random.pick(["replace", "replace", "exchange", "remove", "add", "turn", "spoil", "cut"])) {
    case "replace":
      table[name] = table[other]!
      break
    case "exchange":
      ;[table[name], table[other]] = [table[other]!, table[name]!]
      break
    case "remove":
      delete table[name]
      break
    case "add":
      table[`${name} again`] = table[name]!
      break
    case "turn":
      specs[key] = Object.fromEntries(Object.entries(table).reverse())
      break
    case "spoil":
      table[name] = {}
      break
    case "cut": {
      const rules = (table[name] as { rules?: ReadonlyArray<unknown> }).rules
      if (rules !== undefined) table[name] = { ...table[name], rules: rules.slice(1) }
    }
  }
}

describe("Specs", () => {
  describe("an update", () => {
    it.live("gives the same results as its payload alone, whatever was changed and used before", () =>
      Effect.gen(function* () {
        for (let history = 0; history < 3; history++) {
          const random = Random.of(20, history)
          const specs = benchSpecs() as unknown as Record<string, unknown>
          let held = yield* snapshotOf(JSON.stringify(specs))
          answersOf(held)
          for (let update = 1; update <= 12; update++) {
            specs["time"] = update
            for (let edits = random.below(4); edits >= 0; edits--) edit(specs, random)
            // The same payload in another spelling.
            const body = random.chance(0.1) ? JSON.stringify(specs, null, 1) : JSON.stringify(specs)
            held = yield* snapshotOf(body, held)
            // The rest is compiled later, from what other updates left.
            for (const name of held.names("gates")) if (random.chance(0.3)) held.spec("gate", name)
            if (update % 3 !== 0) continue
            const alone = yield* snapshotOf(body)
            assert.deepStrictEqual(answersOf(held), answersOf(alone), `history ${history}, update ${update}`)
            assert.deepStrictEqual(
              new Map(Array.from(held.badParts(), part => [`${part.kind} ${part.name}`, part.message])),
              new Map(Array.from(alone.badParts(), part => [`${part.kind} ${part.name}`, part.message]))
            )
          }
        }
      })
    )

    it.effect("keeps compiled specs that are equal and use equal conditions", () =>
      Effect.gen(function* () {
        const gates = { a: gate("one"), b: gate("two"), c: gate("one", "two"), d: gate("missing"), e: gate("one") }
        const first = yield* snapshotOf(project(gates, { one: condition(["x"]), two: condition(["y"]) }))
        const names = Object.keys(gates)
        const compiled = (snapshot: Snapshot) => names.map(name => snapshot.spec("gate", name))
        const before = compiled(first)
        const kept = (snapshot: Snapshot) => names.filter((_, index) => compiled(snapshot)[index] === before[index])
        const updated = (...args: Parameters<typeof project>) => snapshotOf(project(...args), first)

        const one = condition(["x"])
        const two = condition(["y"])
        assert.deepStrictEqual(kept(yield* updated(gates, { one, two }, { time: 5 })), ["a", "b", "c", "d", "e"])
        assert.deepStrictEqual(kept(yield* updated(gates, { one, two: condition(["z"]) })), ["a", "d", "e"])
        assert.deepStrictEqual(kept(yield* updated(gates, { one })), ["a", "d", "e"])
        assert.deepStrictEqual(kept(yield* updated(gates, { one, two, missing: two })), ["a", "b", "c", "e"])
        assert.deepStrictEqual(kept(yield* updated(gates, { two, one })), ["a", "b", "c", "d", "e"])
        assert.deepStrictEqual(kept(yield* updated({ ...gates, a: gate("two") }, { one, two })), ["b", "c", "d", "e"])
        const { a, b, ...others } = gates
        assert.deepStrictEqual(kept(yield* updated({ new: a, ...others, b }, { one, two })), ["b", "c", "d", "e"])
        // Earlier snapshots still use what they hold.
        assert.deepStrictEqual(compiled(first), before)
      })
    )

    it.effect("with the same bytes returns the current snapshot", () =>
      Effect.gen(function* () {
        const bytes = new TextEncoder().encode(project({ a: gate("one") }, { one: condition(["x"]) }))
        const first = yield* snapshotOf(bytes)
        assert.strictEqual(yield* snapshotOf(bytes.slice(), first), first)
        assert.strictEqual(yield* snapshotOf(new TextDecoder().decode(bytes), first), first)
        assert.notStrictEqual(yield* snapshotOf(`${new TextDecoder().decode(bytes)} `, first), first)
      })
    )

    it.effect("compiles a previously unused spec with the conditions of its own snapshot", () =>
      Effect.gen(function* () {
        const gates = { a: gate("one") }
        const first = yield* snapshotOf(project(gates, { one: condition(["x"]) }))
        const second = yield* snapshotOf(project(gates, { one: condition(["y"]) }), first)
        const holds = (snapshot: Snapshot) => snapshot.spec("gate", "a")?.rules[0]?.conditions[0]
        assert.notStrictEqual(holds(first), holds(second))
      })
    )

    it.effect("reuses equal top-level members, and reports what is new in the others", () =>
      Effect.gen(function* () {
        const store = (value: number) => ({
          parameters: { p: { ref_type: "static", param_type: "number", value } }
        })
        const at = (time: number, value: number) => payload({ time, fields: { param_stores: { s: store(value) } } })
        const first = yield* snapshotOf(at(1, 1))
        const second = yield* snapshotOf(at(2, 1), first)
        const third = yield* snapshotOf(at(3, 2), second)
        assert.strictEqual(second.parameterStores, first.parameterStores)
        assert.deepStrictEqual([first.time, second.time, third.time], [1, 2, 3])
        const parameters = third.parameterStores.get("s")?.parameters.get("p")
        assert.deepInclude(parameters, { kind: "static", value: 2 })
      })
    )

    it.effect("reports an invalid part once, for as long as it is there", () =>
      Effect.gen(function* () {
        const told: Array<string> = []
        const next = (gates: object, before?: Snapshot) =>
          snapshotOf(project(gates, { bad: {} }), before, ({ kind, name }) => told.push(`${kind} ${name}`))
        const listed = (snapshot: Snapshot) => Array.from(snapshot.badParts(), ({ kind, name }) => `${kind} ${name}`)
        const first = yield* next({ spoilt: { salt: 1 }, good: gate("bad") })
        first.spec("gate", "spoilt")
        first.spec("gate", "good")
        const second = yield* next({ new: gate(), spoilt: { salt: 1 }, good: gate("bad") }, first)
        assert.isUndefined(second.spec("gate", "spoilt"))
        assert.deepStrictEqual(listed(second), ["gate spoilt", "condition bad"])
        const third = yield* next({ spoilt: gate() }, second)
        assert.isDefined(third.spec("gate", "spoilt"))
        assert.deepStrictEqual(listed(third), ["condition bad"])
        assert.deepStrictEqual(told, ["gate spoilt", "condition bad"])
      })
    )

    it.live("of a payload with an error is refused, wherever the error is", () =>
      Effect.gen(function* () {
        const good = JSON.stringify(benchSpecs())
        const held = yield* snapshotOf(good)
        for (const share of [0.01, 0.2, 0.5, 0.9]) {
          const at = good.indexOf(",", Math.floor(good.length * share))
          const error = yield* Effect.flip(Specs.parse(`${good.slice(0, at)},,${good.slice(at + 1)}`, ignore, held))
          assert.strictEqual(error.reason, "Syntax")
        }
        const late = good.replace(/"time":\d+/, '"time":"late"')
        assert.strictEqual((yield* Effect.flip(Specs.parse(late, ignore, held))).message.split(":")[0], '"time"')
        assert.deepStrictEqual(answersOf(yield* snapshotOf(good, held)), answersOf(held))
      })
    )

    it.live("releases the previous payloads", () =>
      Effect.gen(function* () {
        setFlagsFromString("--expose-gc")
        const collectGarbage = runInNewContext("gc") as () => void
        const specs = benchSpecs() as unknown as Record<string, unknown>
        const past: Array<WeakRef<object>> = []
        let held = yield* snapshotOf(JSON.stringify(specs))
        for (let update = 0; update < 5; update++) {
          answersOf(held)
          past.push(new WeakRef(held), new WeakRef(held.body), new WeakRef(held.body.bytes))
          edit(specs, Random.of(1, update))
          held = yield* snapshotOf(JSON.stringify(specs), held)
        }
        answersOf(held)
        yield* Effect.promise(() => new Promise(resolve => setImmediate(resolve)))
        collectGarbage()
        assert.deepStrictEqual(
          past.map(reference => reference.deref()),
          past.map(() => undefined)
        )
      })
    )
  })

  describe("long work", () => {
    /** Counts the turns of the event loop. */
    const turnsOf = <A, E>(work: Effect.Effect<A, E>) =>
      Effect.gen(function* () {
        let turns = 0
        const count = () => {
          turns++
          handle = setImmediate(count)
        }
        let handle = setImmediate(count)
        const result = yield* Effect.ensuring(
          work,
          Effect.sync(() => clearImmediate(handle))
        )
        return { turns, result }
      })

    const big = (change = "") =>
      project(
        Object.fromEntries(
          Array.from({ length: 8_000 }, (_, index) => [`gate ${index}`, gate("one", "x".repeat(900))])
        ),
        { one: condition(Array.from({ length: 200_000 }, (_, index) => `user ${index}${change}`)) }
      )

    it.live("yields to the event loop: reading text, bytes, an update, and one big condition", () =>
      Effect.gen(function* () {
        const text = big()
        const first = yield* turnsOf(snapshotOf(text))
        assert.isAbove(first.turns, 15)
        const fresh = yield* turnsOf(snapshotOf(new TextEncoder().encode(text)))
        assert.isAbove(fresh.turns, 8)
        const changed = yield* turnsOf(snapshotOf(new TextEncoder().encode(big("!")), first.result))
        assert.isAtLeast(changed.turns, 3)
        assert.strictEqual([...changed.result.names("gates")].length, 8_000)
      })
    )

    it.effect("does not occur in small payloads: they are read at once", () =>
      Effect.gen(function* () {
        const { turns } = yield* turnsOf(snapshotOf(payload()))
        assert.strictEqual(turns, 0)
      })
    )
  })
})
