/**
 * The numbered requirements of the OpenFeature specification, 0.9.0, that concern a provider, each named by its number,
 * and how this provider treats contexts and keys. The provider runs in OpenFeature's own SDK wherever one is concerned.
 */
import {
  type EvaluationContext,
  type EventDetails,
  type Hook,
  type JsonValue,
  OpenFeature,
  ProviderEvents,
  ProviderStatus
} from "@openfeature/server-sdk"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { layer as localLayer } from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig } from "../../layers/LocalStatsig.js"
import { makeStatsigTest, Statsig, type StatsigOptions } from "../../layers/promise.js"
import { StatsigProvider } from "../../src/openfeature/StatsigProvider.js"
import { author } from "../support/endless.js"
import { makeOffline, payload, storeOf, vip } from "./support/flags.js"

const runtime = ManagedRuntime.make(localLayer())
const local = await runtime.runPromise(LocalStatsig)
const run = runtime.runPromise

const online: Array<Statsig> = []
afterAll(() => Promise.all(online.map(statsig => statsig.shutdown(1_000))))

/** An instance that uses the Statsig on loopback. */
const makeOnline = (options: StatsigOptions = {}) => {
  const statsig = new Statsig(`secret-openfeature${online.length + 1}`, {
    specsUrl: local.specsUrl,
    logEventUrl: local.logEventUrl,
    specsSyncIntervalMs: 1_000,
    initTimeoutMs: 2_000,
    outputLoggerProvider: {},
    ...options
  })
  online.push(statsig)
  return statsig
}

/** A provider that is ready and not registered with an SDK. */
const makeReady = async (statsig = makeOffline()) => {
  const provider = new StatsigProvider(statsig)
  await provider.initialize()
  return provider
}

const heard = (provider: StatsigProvider) => {
  const events: Array<[string, EventDetails | undefined]> = []
  for (const event of [
    ProviderEvents.Ready,
    ProviderEvents.Stale,
    ProviderEvents.Error,
    ProviderEvents.ConfigurationChanged
  ]) {
    provider.events.addHandler(event, details => void events.push([event, details as EventDetails]))
  }
  return events
}

/** The events that handlers receive from a client of the domain and from the API. */
const heardFromSdk = (domain: string) => {
  const events: { client: Array<string>; api: Array<string> } = { client: [], api: [] }
  for (const event of [ProviderEvents.Ready, ProviderEvents.Error] as const) {
    OpenFeature.getClient(domain).addHandler(event, () => void events.client.push(event))
    OpenFeature.addHandler(event, details => {
      if (details?.domain === domain) events.api.push(event)
    })
  }
  // Handlers that are added to a ready provider are called at once.
  events.client.length = 0
  events.api.length = 0
  return () => events
}

/** Handlers run in later turns of the event loop. */
const laterTurns = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
}

beforeEach(async () => {
  await run(local.clearFaults())
  await run(local.setSpecs(payload as never))
})

afterEach(async () => {
  OpenFeature.clearHandlers()
  await OpenFeature.clearProviders()
})

afterAll(() => runtime.dispose())

describe("2.1 and 2.2: resolution", () => {
  test("2.1.1 the provider has a name", () => {
    const { metadata, runsOn } = new StatsigProvider(makeOffline())
    expect([metadata.name, runsOn]).toEqual(["statsig-effect", "server"])
  })

  test("2.2.1, 2.2.2.1, 2.2.8.1 a typed method for each type takes key, default and context", async () => {
    const provider = await makeReady()
    const boolean: { value: boolean } = await provider.resolveBooleanEvaluation("vip-flag", false, {
      targetingKey: vip
    })
    const string: { value: string } = await provider.resolveStringEvaluation("string-flag", "", {})
    const number: { value: number } = await provider.resolveNumberEvaluation("float-flag", 0, {})
    const object: { value: { title?: JsonValue } } = await provider.resolveObjectEvaluation<{ title?: JsonValue }>(
      "object-flag",
      {},
      {}
    )
    expect([boolean.value, string.value, number.value, object.value.title]).toEqual([
      true,
      "hi",
      0.5,
      "Check out these pics!"
    ])
  })

  test("2.2.3, 2.2.4, 2.2.6, 2.3.2 normal details have value and variant, and no error", async () => {
    const details = await (await makeReady()).resolveStringEvaluation("string-flag", "bye", {})
    expect(details).toMatchObject({ value: "hi", variant: "greeting" })
    expect(Object.keys(details)).toEqual(expect.not.arrayContaining(["errorCode", "errorMessage"]))
  })

  test("2.2.5 the reason says how the value was determined", async () => {
    const statsig = makeOffline()
    const provider = await makeReady(statsig)
    const reason = async (key: string, context: EvaluationContext) =>
      (await provider.resolveBooleanEvaluation(key, false, context)).reason
    expect(await reason("boolean-flag", {})).toBe("STATIC")
    expect(await reason("vip-flag", { targetingKey: vip })).toBe("TARGETING_MATCH")
    expect(await reason("vip-flag", { targetingKey: "other" })).toBe("DEFAULT")
    expect(await reason("rollout-flag", { targetingKey: "u" })).toBe("SPLIT")
    expect(await reason("disabled-boolean-flag", {})).toBe("DISABLED")
    expect(await reason("missing-flag", {})).toBe("ERROR")
    expect((await provider.resolveStringEvaluation("experiment.color", "", { targetingKey: "u" })).reason).toBe("SPLIT")
    expect((await provider.resolveStringEvaluation("store.title", "", {})).reason).toBe("UNKNOWN")
    statsig.overrideGate("missing-flag", true)
    expect(await reason("missing-flag", {})).toBe("STATIC")
  })

  test("2.2.5 a user outside the percentage of a matching rule gets the default, by the same split", async () => {
    const provider = await makeReady()
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        provider.resolveStringEvaluation("partial-flag", "", { targetingKey: `user-${n}` })
      )
    )
    const shown = new Set(answers.map(({ reason, value, variant }) => `${value} ${variant} ${reason}`))
    expect([...shown].sort()).toEqual(["in lucky SPLIT", "out default SPLIT"])
  })

  test("2.2.7, 2.3.3 errors have a code and a message, and nothing is thrown", async () => {
    const provider = await makeReady()
    const boolean = (key: string, context: EvaluationContext = {}) =>
      provider.resolveBooleanEvaluation(key, true, context)
    const failed = (errorCode: string, words: string) => ({
      value: true,
      reason: "ERROR",
      errorCode,
      errorMessage: expect.stringContaining(words)
    })
    expect(await boolean("missing-flag")).toMatchObject(failed("FLAG_NOT_FOUND", "missing-flag"))
    expect(await boolean("string-flag")).toMatchObject(failed("TYPE_MISMATCH", "string"))
    expect(await boolean("store")).toMatchObject(failed("TYPE_MISMATCH", "store.<parameter>"))
    expect(await boolean("strange-flag")).toMatchObject(failed("PARSE_ERROR", "operator"))
    expect(await boolean("broken")).toMatchObject(failed("PARSE_ERROR", "broken"))
    expect(await boolean("circular-flag")).toMatchObject(failed("GENERAL", "Depth"))
    expect(await boolean("rollout-flag")).toMatchObject(failed("TARGETING_KEY_MISSING", "userID"))
    expect(await boolean("company-rollout-flag", { targetingKey: "u" })).toMatchObject(
      failed("TARGETING_KEY_MISSING", "companyID")
    )
    expect(await boolean("boolean-flag", { email: ["a"] } as never)).toMatchObject(failed("INVALID_CONTEXT", "email"))
    const closed = await makeReady()
    await closed.onClose()
    expect(await closed.resolveBooleanEvaluation("boolean-flag", true, {})).toMatchObject(
      failed("PROVIDER_NOT_READY", "closed")
    )
    const early = new StatsigProvider(makeOffline())
    expect(await early.resolveBooleanEvaluation("boolean-flag", true, {})).toMatchObject(
      failed("PROVIDER_NOT_READY", "no specs")
    )
  })

  test("2.2.9, 2.2.10 flag metadata has Statsig's details as texts and numbers", async () => {
    const provider = await makeReady()
    const { flagMetadata } = await provider.resolveBooleanEvaluation("boolean-flag", false, {})
    expect(flagMetadata).toEqual({
      kind: "gate",
      name: "boolean-flag",
      reason: "Adapter(DataStore):Recognized",
      ruleID: "on",
      groupName: "on",
      idType: "userID",
      lcut: payload.time,
      receivedAt: expect.any(Number),
      version: 4
    })
    const layer = await provider.resolveStringEvaluation("layer.color", "", { targetingKey: "u" })
    expect(layer.flagMetadata).toMatchObject({
      kind: "layer",
      parameter: "color",
      allocatedExperimentName: "experiment",
      groupName: layer.variant
    })
  })
})

describe("2.3: hooks", () => {
  test("2.3.1 hooks of the provider run before and after its evaluations", async () => {
    const stages: Array<string> = []
    const hook: Hook = {
      before: ({ context, providerMetadata }) => {
        stages.push(`before ${providerMetadata.name}`)
        return { ...context, targetingKey: vip }
      },
      after: (_context, details) => void stages.push(`after ${details.variant}`),
      error: (_context, error) => void stages.push(`error ${(error as { code?: string }).code}`),
      finally: (_context, details) => void stages.push(`finally ${details.reason}`)
    }
    await OpenFeature.setProviderAndWait("hooks", new StatsigProvider(makeOffline(), { hooks: [hook] }))
    const client = OpenFeature.getClient("hooks")
    expect(await client.getBooleanValue("vip-flag", false)).toBe(true)
    expect(await client.getBooleanValue("missing-flag", true)).toBe(true)
    expect(stages).toEqual([
      "before statsig-effect",
      "after on",
      "finally TARGETING_MATCH",
      "before statsig-effect",
      "error FLAG_NOT_FOUND",
      "finally ERROR"
    ])
  })
})

describe("2.4, 2.5 and 2.8: lifecycle", () => {
  test("2.4.1, 2.8.2, 5.3.1 initialize loads the specs and notifies handlers once", async () => {
    const statsig = makeOnline()
    const events = heardFromSdk("ready")
    await OpenFeature.setProviderAndWait("ready", new StatsigProvider(statsig))
    expect(OpenFeature.getClient("ready").providerStatus).toBe(ProviderStatus.READY)
    await laterTurns()
    expect(events()).toEqual({ client: [ProviderEvents.Ready], api: [ProviderEvents.Ready] })
    expect(statsig.isInitialized()).toBe(true)
  })

  test("2.4.1 an instance that has specs is not initialised again", async () => {
    const statsig = makeOnline()
    await statsig.initialize()
    await run(local.faultAlways("specs", Fault.Reply({ status: 500 })))
    await OpenFeature.setProviderAndWait("again", new StatsigProvider(statsig))
    expect(await OpenFeature.getClient("again").getStringValue("string-flag", "bye")).toBe("hi")
  })

  test("2.4.2.1, 2.8.3, 5.1.4, 5.3.2 a failed initialize rejects with the error; specs make the provider ready", async () => {
    await run(local.faultAlways("specs", Fault.Reply({ status: 503 })))
    const events = heardFromSdk("failing")
    const errors: Array<string | undefined> = []
    const client = OpenFeature.getClient("failing")
    client.addHandler(ProviderEvents.Error, details => void errors.push(details?.message))
    const setting = OpenFeature.setProviderAndWait("failing", new StatsigProvider(makeOnline()))
    await expect(setting).rejects.toMatchObject({ code: "GENERAL" })
    expect(client.providerStatus).toBe(ProviderStatus.ERROR)
    expect(await client.getBooleanDetails("boolean-flag", false)).toMatchObject({
      value: false,
      reason: "ERROR",
      errorCode: "PROVIDER_NOT_READY"
    })
    expect(errors).toEqual([expect.stringContaining("503")])
    await run(local.clearFaults())
    await vi.waitFor(() => expect(client.providerStatus).toBe(ProviderStatus.READY), 10_000)
    await laterTurns()
    const once = [ProviderEvents.Error, ProviderEvents.Ready]
    expect(events()).toEqual({ client: once, api: once })
    expect(await client.getBooleanValue("boolean-flag", false)).toBe(true)
  })

  test("2.4.2.1, 2.8.3 a key that Statsig refuses is fatal", async () => {
    await run(local.faultAlways("specs", Fault.Reply({ status: 403 })))
    const refused = new StatsigProvider(makeOnline())
    const events = heardFromSdk("fatal")
    await expect(OpenFeature.setProviderAndWait("fatal", refused)).rejects.toMatchObject({ code: "PROVIDER_FATAL" })
    const client = OpenFeature.getClient("fatal")
    await laterTurns()
    expect(events()).toEqual({ client: [ProviderEvents.Error], api: [ProviderEvents.Error] })
    expect(client.providerStatus).toBe(ProviderStatus.FATAL)
    expect(await client.getBooleanDetails("boolean-flag", false)).toMatchObject({
      value: false,
      reason: "ERROR",
      errorCode: "PROVIDER_FATAL"
    })
  })

  test("2.5.1, 2.5.2, 2.5.3 closing sends logged events, once, and ends the provider", async () => {
    const statsig = makeOnline()
    const provider = await makeReady(statsig)
    const events = heard(provider)
    await provider.resolveBooleanEvaluation("boolean-flag", false, { targetingKey: "u" })
    provider.track("bought", { targetingKey: "u" })
    await Promise.all([provider.onClose(), provider.onClose()])
    const names = (await run(local.events)).map(event => (event as { eventName: string }).eventName)
    expect(names).toEqual(expect.arrayContaining(["statsig::gate_exposure", "bought"]))
    await run(local.updateSpecs(specs => ({ ...specs, feature_gates: {} })))
    await statsig.syncNow()
    expect(events).toEqual([])
    await expect(provider.initialize()).rejects.toMatchObject({ code: "PROVIDER_FATAL" })
  })

  test("2.5.2 a provider whose instance was shut down with it cannot be registered again, and says why", async () => {
    const provider = new StatsigProvider(makeOffline())
    await OpenFeature.setProviderAndWait("again", provider)
    await OpenFeature.setProviderAndWait("again", new StatsigProvider(makeOffline()))
    await expect(OpenFeature.setProviderAndWait("again", provider)).rejects.toThrow("make another of both")
    const client = OpenFeature.getClient("again")
    expect(client.providerStatus).toBe(ProviderStatus.FATAL)
    expect(await client.getBooleanDetails("boolean-flag", true, {})).toMatchObject({
      value: true,
      errorCode: "PROVIDER_FATAL"
    })
  })

  test("2.5.1 a provider that is closed while it initialises does not become ready", async () => {
    let proceed = () => {}
    const waiting = new Promise<void>(resolve => (proceed = resolve))
    const provider = new StatsigProvider(
      makeOffline({ dataStore: { initialize: () => waiting, get: storeOf(payload).get } })
    )
    const events = heard(provider)
    const initialized = provider.initialize()
    const closed = provider.onClose()
    proceed()
    await expect(initialized).rejects.toThrow("closed")
    await closed
    expect(events).toEqual([])
  })
})

describe("2.7 and 6: tracking", () => {
  test("2.7.1, 6.2.1, 6.2.2 an event has the user of the merged context, a value and the other details", async () => {
    const { statsig, test } = makeStatsigTest()
    OpenFeature.setContext({ plan: "pro" })
    await OpenFeature.setProviderAndWait("tracking", new StatsigProvider(statsig))
    const client = OpenFeature.getClient("tracking", { email: "ada@example.com" })
    client.track("checkout", { targetingKey: "ada" }, { value: 99.77, currency: "USD", at: new Date(0), items: [1] })
    client.track("visit")
    OpenFeature.setContext({})
    const [checkout, visit] = test.events
    expect(checkout).toMatchObject({
      name: "checkout",
      value: 99.77,
      metadata: { currency: "USD", at: "1970-01-01T00:00:00.000Z", items: [1] },
      userID: "ada"
    })
    expect(checkout!.user).toMatchObject({ email: "ada@example.com", custom: { plan: "pro" } })
    expect(visit).toMatchObject({ name: "visit", value: null, metadata: null, userID: undefined })
    const direct = new StatsigProvider(statsig)
    expect(() => direct.track("x", { customIDs: "c" } as never)).toThrow("customIDs")
  })
})

describe("5: events", () => {
  test("5.1.1, 5.1.2, 5.1.3 changed flags are reported by name, once in effect, and only to the provider's clients", async () => {
    const { statsig, test } = makeStatsigTest([{ dynamicConfig: "changing-flag", value: { value: "foo" } }])
    await OpenFeature.setProviderAndWait("changing", new StatsigProvider(statsig))
    await OpenFeature.setProviderAndWait("other", new StatsigProvider(makeOffline()))
    const client = OpenFeature.getClient("changing")
    const changes: Array<ReadonlyArray<string> | undefined> = []
    const values: Array<Promise<string>> = []
    const others = vi.fn()
    client.addHandler(ProviderEvents.ConfigurationChanged, details => {
      changes.push(details?.flagsChanged)
      values.push(client.getStringValue("changing-flag", "unset"))
    })
    OpenFeature.getClient("other").addHandler(ProviderEvents.ConfigurationChanged, others)
    test.set({ dynamicConfig: "changing-flag", value: { value: "bar" } })
    test.set({ gate: "new", value: true })
    await vi.waitFor(() => expect(changes.flat().sort()).toEqual(["changing-flag", "new"]))
    expect(new Set(await Promise.all(values))).toEqual(new Set(["bar"]))
    expect(others).not.toHaveBeenCalled()
  })

  test("5.1.2 changed flags include those that depend on a change", async () => {
    await run(local.setIdList("vips", ["u-1"]))
    const statsig = makeOnline({ enableIdLists: true, idListsSyncIntervalMs: 1_000, idListsUrl: local.idListsUrl })
    await OpenFeature.setProviderAndWait("dependents", new StatsigProvider(statsig))
    const told: Array<string> = []
    OpenFeature.getClient("dependents").addHandler(ProviderEvents.ConfigurationChanged, details => {
      told.push([...(details?.flagsChanged ?? [])].sort().join())
    })
    const change = async (expected: string, make: () => Promise<unknown>) => {
      told.length = 0
      await make()
      await vi.waitFor(() => expect(told).toEqual([expected]), 10_000)
    }
    const update = (change: (specs: typeof payload) => void) => async () => {
      await run(
        local.updateSpecs(specs => {
          change(specs as never)
          return specs
        })
      )
      await statsig.syncNow()
    }
    // The layer and the grouped flag depend on the experiment, which has the condition; the store refers to it.
    const onExperiment = "experiment,grouped-flag,layer,store"
    await change(
      onExperiment,
      update(specs => void Object.assign(specs.condition_map.half, { targetValue: 1_000 }))
    )
    await change(
      "boolean-flag,store",
      update(specs => void Object.assign(specs.feature_gates["boolean-flag"], { enabled: false }))
    )
    await change(
      "store",
      update(specs => void Object.assign(specs.param_stores.store.parameters.title, { value: "changed" }))
    )
    await change("list-gate", () => run(local.growIdList("vips", { add: ["u-2"] })))
    await change(onExperiment, async () => statsig.overrideExperiment("experiment", { color: "black" }))
    await change("unheard-of", async () => statsig.overrideGate("unheard-of", true))
    await change(`${onExperiment},unheard-of`, async () => statsig.removeAllOverrides())
  })

  test("5.1.1, 2.8.1 losing Statsig makes the provider stale, and regaining it ready", async () => {
    const provider = new StatsigProvider(makeOnline())
    const events = heard(provider)
    await OpenFeature.setProviderAndWait("lost", provider)
    const client = OpenFeature.getClient("lost")
    await run(local.faultAlways("specs", Fault.Reply({ status: 503 })))
    await vi.waitFor(() => expect(client.providerStatus).toBe(ProviderStatus.STALE), 15_000)
    expect(await client.getBooleanDetails("boolean-flag", false)).toMatchObject({ value: true, reason: "STALE" })
    await run(local.clearFaults())
    await vi.waitFor(() => expect(client.providerStatus).toBe(ProviderStatus.READY), 10_000)
    expect(events.map(([event]) => event)).toEqual([ProviderEvents.Stale, ProviderEvents.Ready])
    // On a slow machine three intervals may pass before the first poll has failed.
    const message = expect.stringMatching(/503|has not been heard of/)
    expect(events[0]![1]).toMatchObject({ providerName: "statsig-effect", message })
  })
})

describe("3: contexts", () => {
  const userOf = async (context: EvaluationContext) => {
    const { statsig, test } = makeStatsigTest([{ gate: "g", value: true }])
    const provider = await makeReady(statsig)
    const details = await provider.resolveBooleanEvaluation("g", false, context)
    const user = test.exposures[0]?.user
    return { details, user: user && JSON.parse(JSON.stringify({ ...user, key: undefined, logged: undefined })) }
  }

  test("3.1.1, 3.1.2 the targeting key is the userID, Statsig's fields are fields, all other members are custom", async () => {
    const { user } = await userOf({
      targetingKey: "u",
      userID: "not this one",
      customIDs: { companyID: "c", numberID: 7, nobody: null } as never,
      email: "u@example.com",
      ip: "1.2.3.4",
      userAgent: "agent",
      country: "NZ",
      locale: "mi",
      appVersion: "1.2",
      statsigEnvironment: { tier: "staging" },
      privateAttributes: { secret: [1] },
      custom: { plan: "pro", age: 30 },
      age: 29,
      vip: true,
      since: new Date(0),
      nested: { list: [{ at: new Date(0) }], none: null }
    })
    expect(user).toEqual({
      userID: "u",
      customIDs: { companyID: "c", numberID: 7 },
      email: "u@example.com",
      ip: "1.2.3.4",
      userAgent: "agent",
      country: "NZ",
      locale: "mi",
      appVersion: "1.2",
      statsigEnvironment: { tier: "staging" },
      privateAttributes: { secret: [1] },
      custom: {
        age: 30,
        vip: true,
        since: 0,
        nested: { list: [{ at: 0 }], none: null },
        plan: "pro"
      }
    })
    expect((await userOf({ userID: "named" })).user).toEqual({ userID: "named" })
  })

  test.each<[string, object]>([
    ["targetingKey", { targetingKey: 7 }],
    ["email", { email: true }],
    ["customIDs", { customIDs: ["c"] }],
    ["customIDs.companyID", { customIDs: { companyID: { id: 1 } } }],
    ["custom", { custom: "text" }],
    ["privateAttributes", { privateAttributes: new Date(0) }],
    ["large", { large: [1n] }]
  ])("3.1.1 a context whose %s is of the wrong type is invalid, and logs nothing", async (field, context) => {
    const { details, user } = await userOf(context as EvaluationContext)
    expect(details).toMatchObject({ value: false, errorCode: "INVALID_CONTEXT" })
    expect(details.errorMessage).toContain(`${field}: expected`)
    expect(user).toBeUndefined()
  })

  test("3.1.2 an object nested in itself is omitted from a context, a shared one is kept in both places", async () => {
    const shared = { plan: "pro" }
    const { user } = await userOf({ author: author(1), shared: [shared, shared] } as never)
    expect(user.custom).toEqual({ author: { name: "ada", posts: [{ index: 0 }] }, shared: [shared, shared] })
  })

  test("3.1.2 dates and custom IDs are evaluated", async () => {
    const provider = await makeReady()
    const ask = async (key: string, context: EvaluationContext) =>
      (await provider.resolveBooleanEvaluation(key, false, context)).value
    expect(await ask("late-flag", { signedUp: new Date(Date.UTC(2024, 5, 1)) })).toBe(true)
    expect(await ask("late-flag", { signedUp: new Date(Date.UTC(2023, 5, 1)) })).toBe(false)
    expect(await ask("company-flag", { customIDs: { companyID: "c-7" } })).toBe(true)
    expect(await ask("company-flag", { customIDs: { companyID: "c-8" } })).toBe(false)
  })
})

describe("keys and exposures", () => {
  test("a key is a name, or a name and a parameter", async () => {
    const provider = await makeReady()
    const user = { targetingKey: "u" }
    const string = async (key: string) => (await provider.resolveStringEvaluation(key, "none", user)).value
    expect(await string("pricing.currency")).toBe("EUR")
    expect(await string("pricing.us")).toBe("USD")
    expect(await string("pricing.us.value")).toBe("USD")
    expect(await string("store.title")).toBe("hello")
    expect(await string("store.route")).toBe("/new")
    expect((await provider.resolveNumberEvaluation("pricing.vat", 0, user)).value).toBe(19)
    expect((await provider.resolveBooleanEvaluation("pricing.free", true, user)).value).toBe(false)
    expect((await provider.resolveBooleanEvaluation("pricing.beta", false, user)).value).toBe(true)
    expect((await provider.resolveObjectEvaluation("pricing.tiers", {}, user)).value).toEqual({ a: 1 })
    expect((await provider.resolveObjectEvaluation("layer", {}, user)).value).toHaveProperty("color")
    for (const missing of ["pricing.nothing", "pricing.unknown", "store.unknown"]) {
      const details = await provider.resolveStringEvaluation(missing, "none", user)
      expect([details.value, details.errorCode]).toEqual(["none", undefined])
    }
    expect((await provider.resolveStringEvaluation("pricing.unknown", "none", user)).reason).toBe("DEFAULT")
  })

  test("returned values belong to the caller", async () => {
    const provider = await makeReady()
    const first = await provider.resolveObjectEvaluation<{ title: JsonValue }>("object-flag", { title: "" }, {})
    first.value.title = "changed"
    const second = await provider.resolveObjectEvaluation<{ title: JsonValue }>("object-flag", { title: "" }, {})
    expect(second.value.title).toBe("Check out these pics!")
  })

  test("each evaluation logs what Statsig's own check logs, and a failed one logs nothing", async () => {
    const { statsig, test } = makeStatsigTest([
      { gate: "g", value: true },
      { dynamicConfig: "c", value: { value: 1 } },
      { experiment: "e", value: { color: "red" }, group: "Test" },
      { layer: "l", value: { columns: 2, rows: 3 } }
    ])
    const provider = await makeReady(statsig)
    const user = { targetingKey: "u" }
    await provider.resolveBooleanEvaluation("g", false, user)
    await provider.resolveNumberEvaluation("c", 0, user)
    await provider.resolveStringEvaluation("e.color", "", user)
    await provider.resolveNumberEvaluation("l.columns", 0, user)
    await provider.resolveStringEvaluation("l.rows", "", user)
    await provider.resolveStringEvaluation("g", "", user)
    await provider.resolveStringEvaluation("missing", "", user)
    expect(test.exposures.map(({ kind, name, parameter, value }) => [kind, name, parameter ?? value])).toEqual([
      ["gate", "g", true],
      ["dynamicConfig", "c", { value: 1 }],
      ["experiment", "e", { color: "red" }],
      ["layer", "l", "columns"]
    ])
  })

  test("a value of the wrong type logs no exposure, and the check is counted", async () => {
    const statsig = makeOnline()
    const provider = await makeReady(statsig)
    const user = { targetingKey: "u" }
    const before = (await run(local.events)).length
    for (const key of [
      "string-flag",
      "experiment.color",
      "layer.color",
      "store.currency",
      "store.color",
      "store.route"
    ]) {
      const details = await provider.resolveNumberEvaluation(key, 7, user)
      expect(details).toMatchObject({ value: 7, errorCode: "TYPE_MISMATCH" })
    }
    await provider.resolveNumberEvaluation("grouped-flag", 7, user)
    await provider.resolveBooleanEvaluation("company-rollout-flag", true, user)
    await statsig.flushEvents()
    const events = (await run(local.events))
      .slice(before)
      .filter(({ eventName }) => eventName !== "statsig::diagnostics")
    expect(events.map(({ eventName }) => eventName)).toEqual(["statsig::non_exposed_checks"])
    expect(JSON.parse(events[0]?.metadata?.["checks"] ?? "")).toEqual({
      "string-flag": 1,
      experiment: 3,
      layer: 1,
      store: 3,
      pricing: 1,
      "boolean-flag": 1,
      "grouped-flag": 1,
      "company-rollout-flag": 1
    })
    expect((await provider.resolveStringEvaluation("store.color", "", user)).value).toMatch(/red|blue/)
    expect((await provider.resolveStringEvaluation("grouped-flag", "", user)).value).toBe("in a group")
    await statsig.flushEvents()
    const exposures = (await run(local.events)).filter(({ eventName }) => eventName.endsWith("_exposure"))
    expect(exposures.slice(-2).map(({ metadata }) => metadata?.["config"])).toEqual(["experiment", "grouped-flag"])
  })

  test("only an instance of this package is accepted", () => {
    expect(() => new StatsigProvider({} as never)).toThrow("statsig-effect/promise")
  })
})
