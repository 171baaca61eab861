/**
 * The behaviour described by the scenarios of the OpenFeature specification (its evaluation suites, and its conformance
 * suite for providers), through OpenFeature's own SDK.
 */
import {
  type Client,
  type EvaluationContext,
  type EvaluationDetails,
  type JsonValue,
  OpenFeature,
  ProviderStatus
} from "@openfeature/server-sdk"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { Statsig } from "../../layers/promise.js"
import { StatsigProvider } from "../../src/openfeature/StatsigProvider.js"
import { makeOffline, vip } from "./support/flags.js"

let client: Client

beforeAll(async () => {
  await OpenFeature.setProviderAndWait(new StatsigProvider(makeOffline()))
  client = OpenFeature.getClient()
})

afterAll(() => OpenFeature.close())

type Type = "Boolean" | "String" | "Number" | "Object"

type Ask = (key: string, fallback: unknown, context?: EvaluationContext) => Promise<EvaluationDetails<JsonValue>>

/** As plain JavaScript programs call it: any default for any type. */
const evaluate: (type: Type, ...question: Parameters<Ask>) => ReturnType<Ask> = (type, ...question) =>
  (client[`get${type}Details`] as Ask).call(client, ...question)

describe("values, variants and reasons", () => {
  test.each<[string, Type, unknown, unknown, string]>([
    ["boolean-flag", "Boolean", false, true, "on"],
    ["string-flag", "String", "bye", "hi", "greeting"],
    ["integer-flag", "Number", 1, 10, "ten"],
    ["float-flag", "Number", 0.1, 0.5, "half"],
    ["boolean-config", "Boolean", false, true, "on"],
    [
      "object-flag",
      "Object",
      null,
      { showImages: true, title: "Check out these pics!", imagesPerPage: 100 },
      "template"
    ],
    ["large-integer-flag", "Number", 1, 2147483647, "max-int32"],
    ["huge-integer-flag", "Number", 1, 9007199254740991, "max-safe"],
    ["list-flag", "Object", [], [1, "two"], "list"]
  ])("%s resolves statically", async (flagKey, type, fallback, value, variant) => {
    const details = await evaluate(type, flagKey, fallback)
    expect(details).toMatchObject({ flagKey, value, variant, reason: "STATIC" })
    expect(details.errorCode).toBeUndefined()
    expect(details.errorMessage).toBeUndefined()
  })

  test.each<[string, Type, unknown, unknown]>([
    ["boolean-zero-flag", "Boolean", true, false],
    ["string-zero-flag", "String", "fallback", ""],
    ["integer-zero-flag", "Number", 1, 0],
    ["float-zero-flag", "Number", 0.1, 0],
    ["object-zero-flag", "Object", { a: 1 }, {}]
  ])("%s: a falsy value is a value", async (key, type, fallback, value) => {
    const details = await evaluate(type, key, fallback)
    expect(details).toMatchObject({ value, reason: "STATIC" })
    expect(details.errorCode).toBeUndefined()
  })

  test.each<[string, Type, unknown, unknown]>([
    ["boolean-targeted-zero-flag", "Boolean", true, false],
    ["string-targeted-zero-flag", "String", "hi", ""],
    ["integer-targeted-zero-flag", "Number", 1, 0],
    ["float-targeted-zero-flag", "Number", 0.1, 0],
    ["object-targeted-zero-flag", "Object", { a: 1 }, {}]
  ])("%s: a matching rule, one that does not match, and one without a context", async (key, type, fallback, value) => {
    const reasons = await Promise.all(
      [{ email: "ballmer@macrosoft.com" }, { email: "ballmer@none.com" }, {}, { email: null }].map(async context => {
        const details = await evaluate(type, key, fallback, context)
        expect(details.value).toEqual(value)
        return details.reason
      })
    )
    expect(reasons).toEqual(["TARGETING_MATCH", "DEFAULT", "DEFAULT", "DEFAULT"])
  })

  test("a flag is resolved by its context", async () => {
    const context = { fn: "Sulisław", ln: "Świętopełk", age: 29, customer: false }
    expect(await client.getStringValue("context-aware", "EXTERNAL", context)).toBe("INTERNAL")
    expect(await client.getStringValue("context-aware", "EXTERNAL")).toBe("EXTERNAL")
    const several = { email: "ballmer@macrosoft.com", role: "admin", age: 65, customer: false }
    expect(await evaluate("String", "context-aware", "false", several)).toMatchObject({
      value: "INTERNAL",
      variant: "internal",
      reason: "TARGETING_MATCH"
    })
  })

  test("a flag is resolved by its targeting key", async () => {
    const ask = (context: EvaluationContext) => evaluate("String", "targeting-key-flag", "fallback", context)
    expect(await ask({ targetingKey: vip })).toMatchObject({ value: "hit", reason: "TARGETING_MATCH", variant: "hit" })
    expect(await ask({ targetingKey: "f20bd32d" })).toMatchObject({ value: "miss", reason: "DEFAULT" })
    expect(await ask({})).toMatchObject({ value: "miss", reason: "DEFAULT", variant: "default" })
    const rest = await evaluate("String", "fall-through-flag", "fallback", { targetingKey: "other" })
    expect(rest).toMatchObject({ value: "rest", reason: "DEFAULT", variant: "rest" })
  })

  test("a context changes nothing where no rule reads it", async () => {
    const details = await evaluate("String", "string-flag", "bye", {
      targetingKey: "u",
      custom: { a: [1, { b: null }] }
    })
    expect(details).toMatchObject({ value: "hi", reason: "STATIC" })
  })

  test.each<[string, Type, unknown]>([
    ["disabled-boolean-flag", "Boolean", false],
    ["disabled-string-flag", "String", "bye"],
    ["disabled-string-flag", "Object", { of: "the code" }],
    ["disabled-object-flag", "Object", { of: "the code" }],
    ["disabled-object-flag.title", "String", "bye"],
    ["disabled-default-flag", "String", "bye"]
  ])("%s gives the code's default", async (key, type, fallback) => {
    const details = await evaluate(type, key, fallback)
    expect(details).toMatchObject({ value: fallback, reason: "DISABLED" })
    expect(details.errorCode).toBeUndefined()
  })
})

describe("errors", () => {
  test.each<[string, Type, unknown]>([
    ["string-flag", "Boolean", false],
    ["string-flag", "Number", 1],
    ["string-flag", "Object", {}],
    ["wrong-flag", "Boolean", false],
    ["wrong-flag", "Number", 13],
    ["boolean-flag", "String", "fallback"],
    ["boolean-flag", "Number", 1],
    ["boolean-flag", "Object", {}],
    ["integer-flag", "Boolean", false],
    ["integer-flag", "String", "fallback"],
    ["float-flag", "Boolean", false],
    ["float-flag", "String", "fallback"],
    ["object-flag", "Boolean", false],
    ["object-flag", "String", "fallback"],
    ["object-flag", "Number", 1]
  ])("%s is no %s", async (key, type, fallback) => {
    const details = await evaluate(type, key, fallback)
    expect(details).toMatchObject({ value: fallback, reason: "ERROR", errorCode: "TYPE_MISMATCH" })
  })

  test.each<[Type, unknown]>([
    ["Boolean", false],
    ["String", "uh-oh"],
    ["Number", 1],
    ["Object", { a: 1 }]
  ])("a missing flag gives the default: %s", async (type, fallback) => {
    expect(await evaluate(type, "missing-flag", fallback)).toMatchObject({
      value: fallback,
      reason: "ERROR",
      errorCode: "FLAG_NOT_FOUND",
      errorMessage: expect.stringContaining("flag missing-flag not found")
    })
  })

  test("a provider that is not ready, and one that cannot become ready", async () => {
    let proceed = () => {}
    const waiting = new Promise<void>(resolve => (proceed = resolve))
    const slow = makeOffline({ dataStore: { initialize: () => waiting, get: async () => ({}) } })
    const settled = OpenFeature.setProviderAndWait("slow", new StatsigProvider(slow))
    const early = OpenFeature.getClient("slow")
    expect(early.providerStatus).toBe(ProviderStatus.NOT_READY)
    expect(await early.getBooleanDetails("boolean-flag", false)).toMatchObject({
      value: false,
      reason: "ERROR",
      errorCode: "PROVIDER_NOT_READY"
    })
    proceed()
    await expect(settled).rejects.toThrow("adapters")
    await expect(
      OpenFeature.setProviderAndWait(
        "dead",
        new StatsigProvider(new Statsig("secret-dead", { disableNetwork: true, outputLogLevel: "none" }))
      )
    ).rejects.toThrow("no specs")
    const dead = OpenFeature.getClient("dead")
    expect(dead.providerStatus).toBe(ProviderStatus.ERROR)
    expect(await dead.getStringDetails("string-flag", "bye")).toMatchObject({
      value: "bye",
      reason: "ERROR",
      errorCode: "PROVIDER_NOT_READY"
    })
  })
})
