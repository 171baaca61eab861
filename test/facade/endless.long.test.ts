/**
 * A value that a program passes in may contain itself, or one object in many places: it is copied within bounds,
 * wherever it is passed in. Small values are copied as by the official package.
 */
import { ManagedRuntime } from "effect"
import { afterAll, describe, expect, it } from "vitest"
import { layer as localLayer } from "../../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../../layers/LocalStatsig.js"
import { Statsig, type StatsigOptions, StatsigUser } from "../../layers/promise.js"
import { author, countValues, diamond, endless } from "../support/endless.js"
import { expectSame } from "./support/sides.js"

const runtime = ManagedRuntime.make(localLayer())
const local = await runtime.runPromise(LocalStatsig)
afterAll(() => runtime.dispose())

const maxValues = 100_000
const maxCharacters = 2 ** 24
const user = new StatsigUser({ userID: "u" })

const start = async (options: StatsigOptions = {}) => {
  const { idListsUrl, logEventUrl, specsUrl } = local
  const statsig = new Statsig("secret-endless", {
    specsUrl,
    logEventUrl,
    idListsUrl,
    outputLogLevel: "none",
    ...options
  })
  await statsig.initialize()
  return statsig
}

/** The last events of that name that arrive. */
const logged = async (statsig: Statsig, name: string, count = 1) => {
  await statsig.shutdown()
  return (await runtime.runPromise(local.events)).filter(({ eventName }) => eventName === name).slice(-count)
}

/** Copies whose size is measured, by the place where the value is passed in. */
const places: Readonly<Record<string, (value: object) => unknown>> = {
  "custom of a user": value => new StatsigUser({ userID: "u", custom: { value } as never }).custom,
  "custom of a user, as a whole": value => new StatsigUser({ userID: "u", custom: value as never }).custom,
  privateAttributes: value => new StatsigUser({ userID: "u", privateAttributes: { value } as never }).privateAttributes,
  "an assigned custom": value => {
    const user = new StatsigUser({ userID: "u" })
    user.custom = value as never
    return user.custom
  },
  "an assigned text": value => {
    const user = new StatsigUser({ userID: "u" })
    user.email = value
    return user.toJSON().email
  },
  "an assigned statsigEnvironment": value => {
    const user = new StatsigUser({ userID: "u" })
    user.statsigEnvironment = value as never
    return user.toJSON().statsigEnvironment
  },
  "the value of an override": value => {
    const statsig = new Statsig("secret-endless", { disableNetwork: true })
    statsig.overrideDynamicConfig("config", { value })
    return statsig.getDynamicConfig(user, "config").value
  },
  "a fallback of a parameter store": value =>
    new Statsig("secret-endless", { disableNetwork: true }).getParameterStore(user, "store").getValue("x", value)
}

describe("an endless value", () => {
  const cases = Object.entries(endless).flatMap(([what, make]) =>
    Object.entries(places).map(([where, copy]) => [what, where, make, copy] as const)
  )
  it.each(cases)("%s is bounded as %s", (_what, _where, make, copy) => {
    const copied = copy(make())
    expect(countValues(copied)).toBeLessThanOrEqual(maxValues)
    expect(JSON.stringify(copied).length).toBeLessThanOrEqual(maxCharacters + 10 * maxValues)
  })

  it.each(Object.entries(endless))("%s is bounded in logged events", async (_, make) => {
    const statsig = await start()
    statsig.logEvent(new StatsigUser({ userID: "u", custom: { value: make() } as never }), "bought", 1, {
      value: make()
    } as never)
    statsig.logEvent(user, "bought without a value", make() as never)
    const [event] = await logged(statsig, "bought")
    expect(countValues(event?.metadata)).toBeLessThanOrEqual(maxValues)
    expect(countValues(event?.user?.["custom"])).toBeLessThanOrEqual(maxValues)
  })

  it.each(Object.entries(endless))("%s is bounded in options and sticky assignments", async (_, make) => {
    const statsig = await start({
      globalCustomFields: { list: [make()] } as never,
      persistentStorage: { load: () => null, save: () => {}, delete: () => {} }
    })
    const userPersistedValues = { experiment: { value: true, json_value: make(), secondary_exposures: [], time: 1 } }
    statsig.getExperiment(user, "experiment", { userPersistedValues } as never)
    const [event] = await logged(statsig, "statsig::config_exposure")
    expect(countValues(event?.user?.["custom"])).toBeLessThanOrEqual(maxValues + 1)
  })

  it("the custom fields of all users are bounded together", async () => {
    const list = Array.from({ length: 20_000 }, () => "x")
    const globalCustomFields = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`k${index}`, list]))
    const statsig = await start({ globalCustomFields })
    statsig.logEvent(user, "bought with global fields")
    const [event] = await logged(statsig, "bought with global fields")
    expect(countValues(event?.user?.["custom"])).toBeLessThanOrEqual(maxValues)
  })

  it("becomes no text for the console", async () => {
    const write = console.warn
    console.warn = () => {}
    try {
      const statsig = await start({ consoleCaptureOptions: { enabled: true } })
      const wide = Array.from({ length: 9 }).reduce<object>(
        inner => Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`m${index}`, inner])),
        {}
      )
      console.warn(wide)
      console.warn([diamond(100)])
      statsig.stopConsoleCapture()
      expect((await logged(statsig, "statsig::log_line", 2)).map(({ value }) => value)).toEqual([
        "[Unserializable]",
        "[Unserializable]"
      ])
    } finally {
      console.warn = write
    }
  })
})

it("a long sparse array, which is copied as a map of its indices, is bounded", () => {
  const list: Array<unknown> = Array.from({ length: 5_000_000 }, () => 1)
  list[0] = undefined
  const { custom } = new StatsigUser({ userID: "u", custom: { list } as never })
  expect(countValues(custom)).toBeLessThanOrEqual(maxValues)
})

describe("the copy", () => {
  it("omits only the object nested in itself", () => {
    const { custom } = new StatsigUser({ userID: "u", custom: { author: author(2) } as never })
    expect(custom).toEqual({ author: { name: "ada", posts: [{ index: 0 }, { index: 1 }] } })
    const list: Array<unknown> = [1]
    list.push(list)
    expect(new StatsigUser({ userID: "u", custom: { list } as never }).custom).toEqual({ list: [1, null] })
  })

  it("has a small object in each place, as in the official package", async () => {
    await expectSame(({ StatsigUser }) =>
      new StatsigUser({ userID: "u", custom: { value: diamond(5) } as never }).toJSON()
    )
  })

  it("has the first 100,000 values, and all texts that fit", () => {
    const custom = {
      first: "x".repeat(maxCharacters - 100),
      tooLong: "x".repeat(200),
      last: "kept",
      numbers: Array.from({ length: maxValues }, (_, index) => index)
    }
    const kept = new StatsigUser({ userID: "u", custom }).custom
    expect(Object.keys(kept ?? {})).toEqual(["first", "last", "numbers"])
    expect(kept?.["numbers"]).toHaveLength(maxValues - 4)
  })

  it("repeats at most 10,000 values of shared objects", () => {
    const rows = Array.from({ length: 1_000 }, (_, index) => index)
    const custom = {
      rows: Array.from({ length: 20 }, () => rows),
      own: Array.from({ length: 40_000 }, (_, index) => [index])
    }
    const kept: Readonly<Record<string, unknown>> = {
      ...new StatsigUser({ userID: "u", custom: custom as never }).custom
    }
    expect(kept["rows"]).toEqual(Array.from({ length: 20 }, (_, index) => (index < 11 ? rows : null)))
    expect(kept["own"]).toEqual(custom.own)
  })

  it("is not made when reading the value throws, and the program gets the error", async () => {
    const throwing = {
      get member() {
        throw new Error("of the program")
      }
    }
    await expectSame(({ StatsigUser }) => new StatsigUser({ userID: "u", custom: throwing }))
    await expectSame(({ StatsigUser }) => new StatsigUser({ userID: "u", custom: { throwing } }))
  })
})
