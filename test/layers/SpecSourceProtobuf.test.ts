/** Protobuf payloads that are partly broken, or large. */
import { brotliCompressSync } from "node:zlib"
import { BinaryWriter } from "@bufbuild/protobuf/wire"
import { FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, type Scope } from "effect"
import * as Bootstrap from "../../layers/SpecSource/Bootstrap.js"
import * as File from "../../layers/SpecSource/File.js"
import * as SpecStoreLayer from "../../layers/SpecStore.js"
import { type Source, SpecSource } from "../../src/SpecSource.js"
import { SpecStore } from "../../src/SpecStore.js"
import { encodePayload } from "./support/protobuf.js"
import { capturingLogs, payload, payloadObject, type Scripted, scriptedSource } from "./support/specs.js"

const build = (answers: ReadonlyArray<Scripted>, maxSpecsBytes?: number) =>
  storeOver(scriptedSource(answers), maxSpecsBytes)

const storeOver = (source: Source, maxSpecsBytes?: number): Effect.Effect<SpecStore["Type"], never, Scope.Scope> =>
  SpecStoreLayer.layer({ syncInterval: "1 hour", maxSpecsBytes }).pipe(
    Layer.provide(Layer.succeed(SpecSource, source)),
    Layer.build,
    Effect.map(Context.get(SpecStore))
  )

const gatesOf = (store: SpecStore["Type"]) => [...(store.current().snapshot?.names("gates") ?? [])].sort()

/** Counts the turns of the event loop during the work. */
const countingTurns = Effect.fnUntraced(function* <A, E>(work: Effect.Effect<A, E>) {
  let turns = 0
  let isOver = false
  const turn = () => {
    turns++
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  yield* Effect.ensuring(
    work,
    Effect.sync(() => {
      isOver = true
    })
  )
  return turns
})

const gates = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`gate ${index}`, true]))

const envelope = (kind: number, name: string, data: Uint8Array) =>
  new BinaryWriter().tag(1, 0).int32(kind).tag(2, 2).string(name).tag(4, 2).bytes(data).finish()

/** A payload with more envelopes before its end. */
const withEnvelopes = (...envelopes: ReadonlyArray<Uint8Array>) => {
  const stream = new BinaryWriter()
  for (const one of envelopes) stream.bytes(one)
  return brotliCompressSync(new Uint8Array([...encodePlain(), ...stream.finish(), 2, 8, 1]))
}

const encodePlain = () => encodePayload(payloadObject({ gates: { good: true } }), { endless: true, plain: true })

/** A condition with the additional values `{"a":"?x"}`, where `?` is the first byte of a longer character. */
const notUtf8 = Uint8Array.of(
  8,
  1,
  50,
  10,
  ...new TextEncoder().encode('{"a":"'),
  0xda,
  ...new TextEncoder().encode('x"}')
)

describe("specs in protobuf", () => {
  it.scopedLive("skip unreadable envelopes, with a warning for each, and use the others", () => {
    const logs = capturingLogs()
    return Effect.gen(function* () {
      const broken: ReadonlyArray<readonly [Uint8Array, string]> = [
        [envelope(99, "future", new Uint8Array()), "envelope future: the kind 99 is unknown"],
        [envelope(3, "cut", Uint8Array.of(10, 9)), "gate cut: premature EOF"],
        [envelope(4, "none", new Uint8Array()), "dynamicConfig none: the entity 0 is unknown"],
        [envelope(7, "odd", Uint8Array.of(8, 77)), "condition odd: the condition type 77 is unknown"],
        [envelope(7, "text", notUtf8), "condition text: the additional values are not UTF-8"],
        [envelope(5, "wire", Uint8Array.of(8, 1)), "layer wire: field 1 (salt) is of the wire type 0"],
        [envelope(6, "store", new TextEncoder().encode("{}")), 'parameterStore store: "parameters": is missing'],
        [Uint8Array.of(0), "envelope : illegal tag: field no 0 wire type 0"]
      ]
      const store = yield* build([withEnvelopes(...broken.map(([bytes]) => bytes))])
      yield* store.load
      assert.deepStrictEqual(gatesOf(store), ["good"])
      const { lastError, warnings } = yield* store.status
      assert.isUndefined(lastError)
      assert.deepStrictEqual(
        warnings.map(({ kind, message, name }) => `${kind} ${name}: ${message}`),
        broken.map(([, said]) => said)
      )
      while (logs.lines.length < broken.length) yield* Effect.sleep("1 millis")
      assert.strictEqual(logs.lines.length, broken.length)
      assert.strictEqual(logs.lines[0], 'WARN The envelope "future" cannot be used: the kind 99 is unknown')
    }).pipe(Effect.provide(logs.layer))
  })

  it.scoped("report at most a hundred broken envelopes", () =>
    Effect.gen(function* () {
      const store = yield* build([withEnvelopes(...Array.from({ length: 1_000 }, () => Uint8Array.of(0)))])
      yield* store.load
      assert.strictEqual((yield* store.status).warnings.length, 100)
    })
  )

  it.scopedLive("yield to other work while they are decoded, with many entities or one", () =>
    Effect.gen(function* () {
      const list = Array.from({ length: 100_000 }, (_, index) => `user-${index}`)
      const long = {
        condition_map: {
          public: { type: "user_field", field: "f", operator: "any", targetValue: list, idType: "userID" }
        }
      }
      const rules = payloadObject({ gates: { gate: true } })
      const { gate } = rules.feature_gates
      rules.feature_gates["gate"] = { ...gate!, rules: Array.from({ length: 5_000 }, () => gate!.rules[0]!) }
      for (const [specs, least] of [
        [payloadObject({ gates: gates(5_000) }), 20],
        [payloadObject({ fields: long }), 3],
        [rules, 10]
      ] as const) {
        const store = yield* build([encodePayload(specs)])
        assert.isAbove(yield* countingTurns(store.load), least)
        assert.deepStrictEqual(gatesOf(store), Object.keys(specs.feature_gates).sort())
      }
    })
  )

  it.scoped("start a store from a file, and from bytes in memory", () =>
    Effect.gen(function* () {
      const body = encodePayload(payloadObject({ gates: { gate: true } }))
      const files = yield* FileSystem.FileSystem
      const path = `${yield* files.makeTempDirectoryScoped()}/specs`
      yield* files.writeFile(path, body)
      for (const source of [yield* File.make({ path }), yield* Bootstrap.make({ specs: body })]) {
        const store = yield* storeOver(source)
        yield* store.load
        assert.deepStrictEqual([store.current().source, gatesOf(store)], [source.name, ["gate"]])
      }
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.scoped("are not decoded again where the same bytes arrive again", () =>
    Effect.gen(function* () {
      const body = encodePayload(payloadObject({ gates: { gate: true } }))
      const store = yield* build([body, Uint8Array.from(body)])
      yield* store.load
      const { snapshot } = store.current()
      yield* store.syncNow
      assert.strictEqual(store.current().snapshot, snapshot)
    })
  )
})

describe("specs with more bytes than maxSpecsBytes", () => {
  const small = payload({ time: 1 })
  const large = payloadObject({ time: 2, gates: gates(2_000) })
  const cases: ReadonlyArray<readonly [string, string | Uint8Array]> = [
    ["text", JSON.stringify(large)],
    ["bytes", new TextEncoder().encode(JSON.stringify(large))],
    ["protobuf", encodePayload(large)],
    [
      "one envelope that never ends",
      brotliCompressSync(Buffer.concat([Buffer.from([0xff, 0xff, 0x3f]), Buffer.alloc(1e6)]))
    ],
    [
      "rules that become more as JSON",
      encodePayload(payloadObject({ time: 2, fields: { dynamic_configs: tiny(900) } }))
    ]
  ]
  it.scoped.each(cases)("as %s are refused, and the current ones stay", ([, body]) =>
    Effect.gen(function* () {
      const store = yield* build([small, body], 100_000)
      yield* store.load
      const error = yield* Effect.flip(store.syncNow)
      assert.deepInclude(error, { _tag: "SpecsError", reason: "Size" })
      assert.include(error.message, "expected at most 100000 bytes (maxSpecsBytes), got")
      assert.deepStrictEqual(gatesOf(store), ["gate"])
    })
  )
})

/** Configs that are longer as JSON than as protobuf. */
function tiny(count: number): object {
  const spec = {
    type: "dynamic_config",
    entity: "dynamic_config",
    salt: "",
    enabled: true,
    defaultValue: false,
    rules: []
  }
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [String(index), { ...spec, idType: "userID" }]))
}
