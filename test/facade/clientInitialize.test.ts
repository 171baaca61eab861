import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { GCIRResponseFormat, ResponseBuffer, type Statsig, StatsigUser } from "../../layers/promise.js"
import { initialized, officialSide, ourSide, outcome, type Side } from "./support/sides.js"

describe("getClientInitializeResponse", () => {
  // biome-ignore lint/suspicious/noExplicitAny: an instance of either side
  let instances: Map<Side, any>

  beforeAll(async () => {
    instances = await initialized()
  })

  afterAll(async () => {
    for (const statsig of instances.values()) await statsig.shutdown()
  })

  /** The outcome of the call on each side; of a response only the parts that the options affect. */
  const expectSame = async (call: (statsig: Statsig, side: Side) => unknown): Promise<string> => {
    const on = (side: Side) =>
      outcome(() => {
        const text = call(instances.get(side), side)
        if (typeof text !== "string") return text
        const { feature_gates, hash_used, response_format, full_checksum } = JSON.parse(text)
        return [Object.keys(feature_gates).sort(), hash_used, response_format, typeof full_checksum]
      })
    const expected = await on(officialSide)
    expect(await on(ourSide)).toBe(expected)
    return expected
  }

  const odd = [undefined, null, "", "text", 0, 1, 3, 1.5, true, [], ["gate"], [1], {}, new Set(["gate"]), new Set([1])]

  it.each([
    ...["hashAlgorithm", "clientSdkKey", "previousResponseHash", "responseFormat"],
    ...["includeLocalOverrides", "removeIdType", "removeDefaultValueGates"],
    ...["featureGateFilter", "experimentFilter", "dynamicConfigFilter", "layerFilter", "paramStoreFilter"]
  ])("accepts and refuses values of %s as the official package does", async option => {
    for (const value of odd) {
      await expectSame((statsig, side) =>
        statsig.getClientInitializeResponse(new side.StatsigUser({ userID: "u" }), { [option]: value })
      )
    }
  })

  it("accepts and refuses users and options as the official package does", async () => {
    for (const user of [{ userID: "u" }, "u", null, undefined, 5]) {
      expect(await expectSame(statsig => statsig.getClientInitializeResponse(user as never))).toMatch(
        /^error .*\nnull$/
      )
    }
    for (const options of [undefined, null, {}, "text", 5, [], { unknown: 1 }]) {
      await expectSame((statsig, side) =>
        statsig.getClientInitializeResponse(new side.StatsigUser({ userID: "u" }), options as never)
      )
    }
  })

  it("writes U+FFFD for each lone surrogate in the user, as the official package does", async () => {
    const on = (side: Side) => {
      const user = new side.StatsigUser({
        userID: "a\ud800b",
        customIDs: { c: "\udc00" },
        custom: { k: "\\ud800\udfff" },
        privateAttributes: { p: "x\ud800", q: ["\udc00", "\\ud800"], r: [["\ud800"], { s: "\udfff😀" }] }
      })
      const text: string = instances.get(side).getClientInitializeResponse(user)
      const { evaluated_keys, pa_hash, user: shown } = JSON.parse(text)
      return { evaluated_keys, pa_hash, shown }
    }
    expect(on(ourSide)).toEqual(on(officialSide))
  })

  it("has formats with the official names", () => {
    expect(GCIRResponseFormat).toEqual(officialSide["GCIRResponseFormat" as "Statsig"])
  })

  it("can be bytes in a reused buffer", async () => {
    const statsig: Statsig = instances.get(ourSide)
    const user = new StatsigUser({ userID: "ü" })
    const buffer = new ResponseBuffer()
    const first = statsig.writeClientInitializeResponse(user, buffer).slice()
    const second = statsig.writeClientInitializeResponse(user, buffer, { responseFormat: 2 })
    expect(Buffer.from(first).toString()).toBe(statsig.getClientInitializeResponse(user))
    expect(Buffer.from(second).toString()).toBe(statsig.getClientInitializeResponse(user, { responseFormat: 2 }))
    const refused = await outcome(() => statsig.writeClientInitializeResponse(user, new Uint8Array(9) as never))
    expect(refused).toBe("error Statsig::writeClientInitializeResponse Error InvalidArg\nnull")
  })
})
