import { beforeAll, describe, expect, it } from "vitest"
import { ParameterStore, type Statsig, StatsigUser } from "../../layers/promise.js"
import { payload } from "./support/payload.js"
import { expectSame, initialized, ourSide, type Side } from "./support/sides.js"

// biome-ignore lint/suspicious/noExplicitAny: an instance of either side
let instances: Map<Side, any>
// biome-ignore lint/suspicious/noExplicitAny: a store of either side
const storeOf = (side: Side, name = "store", options?: object): any =>
  instances.get(side).getParameterStore(new side.StatsigUser({ userID: "u" }), name, options)

beforeAll(async () => {
  instances = await initialized()
})

class Record_ {
  a = 1
}

const fallbacks: ReadonlyArray<unknown> = [
  undefined,
  null,
  "fallback",
  "",
  0,
  1.5,
  -0,
  1e300,
  true,
  false,
  [],
  ["x", null],
  {},
  { a: 1 },
  { a: undefined },
  new Date(0),
  new Record_(),
  new Map([[1, 2]]),
  Number.NaN,
  Number.POSITIVE_INFINITY,
  () => 1,
  Symbol("s"),
  1n,
  [Number.NaN],
  [undefined],
  { a: () => 1 }
]

const parameters = [...Object.keys(payload.param_stores.store.parameters), "ghost", ""]

describe("getValue", () => {
  it.each(parameters)("reads %j as the official class does, whatever the fallback", async parameter => {
    for (const fallback of fallbacks) {
      await expectSame(side => storeOf(side).getValue(parameter, fallback))
      await expectSame(side => storeOf(side, "ghost").getValue(parameter, fallback))
    }
    await expectSame(side => storeOf(side).getValue(parameter))
  })

  it("throws for an invalid name, as the official class does", async () => {
    for (const name of [undefined, null, 5, {}, true]) {
      await expectSame(side => storeOf(side).getValue(name, "fallback"))
    }
  })

  it("returns values that the caller may change", () => {
    const store = storeOf(ourSide) as ParameterStore
    store.getValue<Array<number>>("list").push(3)
    store.getValue<Record<string, number>>("map")["x"] = 2
    expect(store.getValue("list")).toEqual([1, 2])
    expect(store.getValue("map")).toEqual({ x: 1 })
    const fallback = { a: [1] }
    const given = store.getValue("ghost", fallback)
    given.a.push(2)
    expect(fallback).toEqual({ a: [1] })
  })
})

describe("a store", () => {
  it("reports how it was found as the official class does", async () => {
    for (const name of ["store", "ghost", ""]) {
      await expectSame(side => storeOf(side, name).getEvaluationDetails())
      await expectSame(side => storeOf(side, name).toJSON().details)
    }
  })

  it("serialises as the official class does", async () => {
    await expectSame(side => JSON.stringify(storeOf(side, "ghost")))
    await expectSame(side => storeOf(side, "ghost"))
    for (const options of [undefined, { disableExposureLogging: true }]) {
      await expectSame(side => storeOf(side, "store", options))
      // The members of an object may reach the official package in any order.
      await expectSame(side =>
        Object.values(storeOf(side, "store", options).toJSON().parameters)
          .map(one => JSON.stringify(one))
          .sort()
      )
    }
  })

  it("has a name that may be changed, and no own keys", async () => {
    await expectSame(side => {
      const store = storeOf(side)
      const name = store.name
      store.name = "other"
      return [name, store.name, store.toJSON().name, store.getValue("text", ""), Object.keys(store)]
    })
    await expectSame(side => {
      storeOf(side).name = 5
    })
  })

  it("has no public constructor", () => {
    expect(() => Reflect.construct(ParameterStore, [])).toThrow()
  })
})

describe("the getters by type", () => {
  it("return only values of their type", () => {
    const statsig: Statsig = instances.get(ourSide)
    const store = statsig.getParameterStore(new StatsigUser({ userID: "u" }), "store")
    expect(store.getString("text", "d")).toBe("hello")
    expect(store.getString("integer", "d")).toBe("d")
    expect(store.getBool("flag", false)).toBe(true)
    expect(store.getBool("text", false)).toBe(false)
    expect(store.getFloat("fraction", 1)).toBe(4.5)
    expect(store.getFloat("integer", 1)).toBe(7)
    expect(store.getFloat("flag", 1)).toBe(1)
    expect(store.getInteger("integer", 1)).toBe(7)
    expect(store.getInteger("fraction", 1)).toBe(1)
    expect(store.getInteger("ghost", 1)).toBe(1)
    expect(store.getArray("list", [])).toEqual([1, 2])
    expect(store.getArray("map", [])).toEqual([])
    expect(store.getMap("map", {})).toEqual({ x: 1 })
    expect(store.getMap("list", {})).toEqual({})
  })
})
