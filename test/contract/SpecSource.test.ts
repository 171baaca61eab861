/** The contract of every source of specs. */
import { FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Redacted, type Scope, Stream, TestClock } from "effect"
import * as MemoryDataStore from "../../layers/DataStore/Memory.js"
import * as FetchClient from "../../layers/HttpClient/Fetch.js"
import { layer as layerLocalStatsig } from "../../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../../layers/LocalStatsig.js"
import * as BootstrapSource from "../../layers/SpecSource/Bootstrap.js"
import * as DataStoreSource from "../../layers/SpecSource/DataStore.js"
import * as FileSource from "../../layers/SpecSource/File.js"
import * as HttpSource from "../../layers/SpecSource/Http.js"
import { DataStore } from "../../src/DataStore.js"
import { inOrder, type Outcome, type Source, SpecSource } from "../../src/SpecSource.js"
import { SpecsError } from "../../src/StatsigError.js"
import { applied, initialize, keeping, notNewer, payload, poll } from "../layers/support/specs.js"

const sdkKey = Redacted.make("secret-testkey1234567890")

interface Subject {
  readonly source: Source
  /** Changes what the source returns. */
  readonly set: (body: string) => Effect.Effect<void>
}

interface Implementation {
  readonly name: string
  /** The source name in its responses. */
  readonly responses: string
  /** Whether the source reports changes itself. */
  readonly pushes: boolean
  /** Without a body there is nothing to get. */
  readonly make: (body: string | undefined) => Effect.Effect<Subject, unknown, Scope.Scope>
}

const buildSource = <E>(layer: Layer.Layer<SpecSource, E>) => Effect.map(Layer.build(layer), Context.get(SpecSource))

const http: Implementation = {
  name: "Http",
  responses: "Network",
  pushes: false,
  make: Effect.fnUntraced(function* (body) {
    const server = Context.get(yield* Layer.build(layerLocalStatsig({ specs: body })), LocalStatsig)
    const specsUrl = body === undefined ? `${server.url}/nowhere` : server.specsUrl
    const source = yield* buildSource(Layer.provide(HttpSource.layer({ sdkKey, specsUrl }), FetchClient.layer))
    return { source, set: server.setSpecs }
  })
}

const file: Implementation = {
  name: "File",
  responses: "Adapter(FileBased)",
  pushes: true,
  make: Effect.fnUntraced(function* (body) {
    const services = yield* Layer.build(NodeFileSystem.layer)
    const files = Context.get(services, FileSystem.FileSystem)
    const path = `${yield* files.makeTempDirectoryScoped()}/specs.json`
    const set = (text: string) => Effect.orDie(files.writeFileString(path, text))
    if (body !== undefined) yield* set(body)
    return { source: yield* buildSource(Layer.provide(FileSource.layer({ path }), NodeFileSystem.layer)), set }
  })
}

const bootstrap: Implementation = {
  name: "Bootstrap",
  responses: "Bootstrap",
  pushes: true,
  make: Effect.fnUntraced(function* (body) {
    const source = yield* BootstrapSource.make({ specs: body ?? "" })
    return { source, set: source.set }
  })
}

const dataStore: Implementation = {
  name: "DataStore",
  responses: "Adapter(DataStore)",
  pushes: false,
  make: Effect.fnUntraced(function* (body) {
    const store = MemoryDataStore.make()
    const set = (text: string) =>
      Effect.orDie(store.set(DataStoreSource.specsKey({ sdkKey }), text, { version: 0, receivedAt: 0 }))
    if (body !== undefined) yield* set(body)
    const layer = Layer.provide(DataStoreSource.layer({ sdkKey }), Layer.succeed(DataStore, store))
    return { source: yield* buildSource(layer), set }
  })
}

const several: Implementation = {
  name: "inOrder",
  responses: "Bootstrap",
  pushes: true,
  make: Effect.fnUntraced(function* (body) {
    const empty = yield* BootstrapSource.make({ specs: "" })
    const other = yield* BootstrapSource.make({ specs: body ?? "" })
    return { source: inOrder(empty, other), set: other.set }
  })
}

for (const implementation of [http, file, bootstrap, dataStore, several]) {
  const { make, name, pushes, responses } = implementation
  describe(`SpecSource/${name}`, () => {
    it.scopedLive("passes the text on unchanged, and returns the store's outcome", () =>
      Effect.gen(function* () {
        for (const body of [
          payload({ gates: { "größe 🦊": true } }),
          "garbage \u0000",
          "\ufeff{}",
          '{"a":"\\ud800"}'
        ]) {
          const { source } = yield* make(body)
          for (const outcome of [applied, notNewer, { _tag: "NoUpdates" }] satisfies ReadonlyArray<Outcome>) {
            const apply = keeping(outcome)
            assert.strictEqual(yield* source.fetch(initialize, apply), outcome)
            assert.strictEqual(yield* source.fetch(poll, apply), outcome)
            assert.deepStrictEqual(
              apply.responses.map(response => [response.source, response.body]),
              [
                [responses, body],
                [responses, body]
              ]
            )
          }
        }
      })
    )

    it.scopedLive("fetches what is new", () =>
      Effect.gen(function* () {
        const { set, source } = yield* make("one")
        const apply = keeping()
        yield* source.fetch(initialize, apply)
        yield* set("two")
        yield* source.fetch(poll, apply)
        assert.deepStrictEqual(
          apply.responses.map(({ body }) => body),
          ["one", "two"]
        )
      })
    )

    it.scopedLive("fails with the store's error for an invalid payload", () =>
      Effect.gen(function* () {
        const { source } = yield* make("bad")
        const error = yield* Effect.flip(
          source.fetch(initialize, () => new SpecsError({ reason: "Syntax", message: "expected JSON" }))
        )
        assert.include(error.message, "expected JSON")
      })
    )

    it.scopedLive("fails when it has nothing, and says so", () =>
      Effect.gen(function* () {
        const { source } = yield* make(undefined)
        const apply = keeping()
        const error = yield* Effect.flip(source.fetch(initialize, apply))
        assert.strictEqual(error._tag, "SpecSourceError")
        assert.isNotEmpty(error.message)
        assert.deepStrictEqual(apply.responses, [])
      })
    )

    it.scopedLive("can be interrupted", () =>
      Effect.gen(function* () {
        const { source } = yield* make("text")
        const fiber = yield* Effect.fork(source.fetch(initialize, () => Effect.never))
        yield* Effect.yieldNow()
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      })
    )

    it.scopedLive("supports concurrent fetches", () =>
      Effect.gen(function* () {
        const { source } = yield* make("text")
        const apply = keeping()
        yield* Effect.all(
          Array.from({ length: 20 }, () => source.fetch(poll, apply)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(apply.responses.filter(({ body }) => body === "text").length, 20)
      })
    )

    it.scopedLive("says whether it polls", () =>
      Effect.gen(function* () {
        const { source } = yield* make("text")
        assert.strictEqual(yield* source.polls, name === "Http")
      })
    )

    it.scoped(pushes ? "reports changes" : "does not report changes itself", () =>
      Effect.gen(function* () {
        const { set, source } = yield* make("one")
        const apply = keeping()
        yield* source.fetch(initialize, keeping())
        const fiber = yield* Effect.fork(Stream.runForEach(source.updates, fetch => fetch(poll, apply)))
        yield* set("number two")
        // Real files are checked on the test's clock, so there is a real pause after each step.
        for (let step = 0; step < (pushes ? 1_000 : 5) && apply.responses.length === 0; step++) {
          yield* TestClock.adjust("1 second")
          yield* Effect.promise(() => new Promise(resolve => setTimeout(resolve, 1)))
        }
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(
          apply.responses.map(({ body }) => body),
          pushes ? ["number two"] : []
        )
      })
    )
  })
}
