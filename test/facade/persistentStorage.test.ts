import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { StatsigUser } from "../../layers/promise.js"
import { dataStore, expectSame, initialized, officialSide, offline, ourSide, type Side } from "./support/sides.js"

const good = {
  value: true,
  json_value: { n: 9 },
  rule_id: "kept",
  group_name: "Kept",
  secondary_exposures: [{ gate: "g", gateValue: "true", ruleID: "r" }],
  undelegated_secondary_exposures: null,
  config_delegate: null,
  explicit_parameters: ["n"],
  time: 5,
  config_version: 2
}

const odd = {
  undefined: undefined,
  null: null,
  true: true,
  false: false,
  integer: 1,
  fraction: 1.5,
  large: 1e20,
  NaN: Number.NaN,
  text: "text",
  "an empty text": "",
  "an empty array": [],
  texts: ["a"],
  numbers: [1],
  "an empty object": {},
  object: { x: 1 },
  function: () => 1,
  symbol: Symbol("x"),
  bigint: 5n
}

const turn = () => new Promise(resolve => setTimeout(resolve, 30))

describe("userPersistedValues", () => {
  // biome-ignore lint/suspicious/noExplicitAny: an instance of either side
  let instances: Map<Side, any>
  const storage = { load: () => null, save: () => {}, delete: () => {} }

  beforeAll(async () => {
    instances = await initialized({ persistentStorage: storage })
  })

  afterAll(async () => {
    for (const statsig of instances.values()) await statsig.shutdown()
  })

  /** The result shows whether the values were used. */
  const ask = (values: unknown, more: object = {}, name = "experiment") =>
    expectSame(side =>
      instances.get(side).getExperiment(new side.StatsigUser({ userID: "u" }), name, {
        userPersistedValues: values,
        ...more
      })
    )

  it("are used when they are valid", async () => {
    expect(await ask({ experiment: good })).toContain("Persisted")
    expect(await ask({ other: good })).toContain("Adapter(DataStore):Recognized")
    expect(await ask({ experiment: { ...good, configVersion: 7, more: [1] } })).toContain("Persisted")
    await ask(Object.create({ experiment: good }))
    await ask({ experiment: Object.create(good) })
  })

  it.each(Object.keys(good))("are used as a whole or not at all, by the member %s", async member => {
    for (const value of Object.values(odd)) await ask({ experiment: { ...good, [member]: value } })
    const { [member as keyof typeof good]: _, ...without } = good
    await ask({ experiment: without })
    await ask({ experiment: good, other: without })
  })

  it.each(Object.entries(odd))("may be anything: %s", async (_, value) => {
    await ask(value)
    await ask({ experiment: good, other: value })
    await ask({ experiment: { ...good, json_value: { a: value } } })
    await ask({ experiment: { ...good, secondary_exposures: [value] } })
    for (const member of ["gate", "gateValue", "ruleID"]) {
      const exposure = { gate: "g", gateValue: "true", ruleID: "r", [member]: value }
      await ask({ experiment: { ...good, secondary_exposures: [exposure] } })
      await ask({ experiment: { ...good, undelegated_secondary_exposures: [exposure] } })
    }
  })

  it("have times and versions within the official bounds", async () => {
    for (const time of [0, 1_700_000_000_000.9, -5.7, 2 ** 53, 1e19]) await ask({ experiment: { ...good, time } })
    for (const version of [0, 4294967295, 4294967296, -1]) {
      await ask({ experiment: { ...good, config_version: version } })
    }
  })

  it("need flags of the right type", async () => {
    for (const value of Object.values(odd)) {
      await ask({ experiment: good }, { enforceOverrides: value })
      await ask({ experiment: good }, { enforceTargeting: value })
      await ask({ experiment: good }, { disableExposureLogging: value })
    }
    await ask(null, { enforceOverrides: 1 })
    await ask({ a: Number.NaN }, { enforceTargeting: 1, disableExposureLogging: 1 })
  })

  it("of layers are refused alike", async () => {
    for (const values of [{ delegating: { ...good, config_delegate: "experiment" } }, { delegating: 1 }, [], 5]) {
      await expectSame(side =>
        instances.get(side).getLayer(new side.StatsigUser({ userID: "u" }), "delegating", {
          userPersistedValues: values
        })
      )
    }
  })

  it("are ignored without a storage, but still validated", async () => {
    const without = await initialized()
    for (const values of [{ experiment: good }, { experiment: 5 }, null, { a: Number.NaN }]) {
      await expectSame(side =>
        without.get(side).getExperiment(new side.StatsigUser({ userID: "u" }), "experiment", {
          userPersistedValues: values
        })
      )
    }
    for (const statsig of without.values()) await statsig.shutdown()
  })
})

describe("a program's storage", () => {
  const start = async (side: Side, persistentStorage: object) => {
    const statsig = new side.Statsig("secret-key", { ...offline, dataStore: dataStore(), persistentStorage })
    await statsig.initialize()
    return statsig
  }

  it("receives the same calls as with the official package", async () => {
    const tell = async (side: Side) => {
      const calls: Array<unknown> = []
      const statsig = await start(side, {
        load: (...input: ReadonlyArray<unknown>) => calls.push(["load", ...input]),
        save: (...input: ReadonlyArray<unknown>) => calls.push(["save", ...input]),
        delete: (...input: ReadonlyArray<unknown>) => calls.push(["delete", ...input])
      })
      const user = new side.StatsigUser({ userID: "u" })
      const ask = async (call: () => unknown) => {
        call()
        expect(calls).toHaveLength(0)
        await turn()
        return calls.splice(0)
      }
      const told = [
        await ask(() => statsig.getExperiment(user, "experiment", { userPersistedValues: {} })),
        await ask(() => statsig.getExperiment(user, "experiment")),
        await ask(() => statsig.getExperiment(user, "ended", { userPersistedValues: { ended: good } })),
        await ask(() => statsig.getLayer(user, "delegating", { userPersistedValues: {} })),
        await ask(() => statsig.getExperiment(user, "ghost")),
        await ask(() => statsig.getExperiment(new side.StatsigUser({ customIDs: { a: "b" } }), "experiment")),
        await ask(() => statsig.getDynamicConfig(user, "experiment")),
        await ask(() => statsig.getExperiment(5, "experiment")),
        await ask(() => statsig.getParameterStore(user, "store").getValue("experiment")),
        await ask(() => statsig.manuallyLogExperimentExposure(user, "experiment"))
      ]
      await statsig.shutdown()
      return told
    }
    vi.spyOn(console, "error").mockImplementation(() => {})
    const told = await tell(ourSide)
    expect(told).toEqual(await tell(officialSide))
    expect(told.map(calls => calls.length)).toEqual([1, 1, 1, 1, 0, 0, 0, 0, 1, 0])
    vi.restoreAllMocks()
  })

  it("is called as a method of the object, also when its functions are asynchronous and after shutdown", async () => {
    class Storage {
      readonly kept = new Map<string, unknown>()
      load() {
        return null
      }
      async save(key: string, name: string, data: unknown) {
        this.kept.set(`${key} ${name}`, data)
      }
      async delete(key: string, name: string) {
        this.kept.delete(`${key} ${name}`)
      }
    }
    const storage = new Storage()
    const statsig = await start(ourSide, storage)
    const user = new StatsigUser({ userID: "u" })
    statsig.getExperiment(user, "experiment", { userPersistedValues: {} })
    await turn()
    expect([...storage.kept.keys()]).toEqual(["u:userID experiment"])
    await statsig.shutdown()
    statsig.getExperiment(user, "experiment")
    await turn()
    expect(storage.kept.size).toBe(0)
  })

  it("fails no check and no process when it throws or rejects, and logs one line", async () => {
    const lines: Array<string> = []
    const trouble = [
      () => {
        throw new Error("broken")
      },
      () => Promise.reject(new Error("broken")),
      () => new Promise(() => {})
    ]
    for (const member of trouble) {
      const statsig = new ourSide.Statsig("secret-key", {
        disableNetwork: true,
        dataStore: dataStore(),
        persistentStorage: { load: member, save: member, delete: member },
        outputLoggerProvider: { warn: (_tag: string, message: string) => void lines.push(message) }
      })
      await statsig.initialize()
      const user = new StatsigUser({ userID: "u" })
      for (let check = 0; check < 5; check++) {
        expect(statsig.getExperiment(user, "experiment").groupName).toBe("Test")
        expect(statsig.getExperiment(user, "experiment", { userPersistedValues: {} }).groupName).toBe("Test")
        await turn()
      }
      expect(await statsig.shutdown(100)).toHaveProperty("isSuccess")
    }
    expect(lines.map(line => line.split(":")[0])).toEqual([
      "The persistent storage failed to delete",
      "The persistent storage failed to delete"
    ])
  })
})
