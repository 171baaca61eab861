import { FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, type Scope, TestClock } from "effect"
import * as FileOverrides from "../../layers/Overrides/File.js"
import * as StatsigLayer from "../../layers/Statsig.js"
import { type Override, Overrides } from "../../src/Overrides.js"
import { Statsig } from "../../src/Statsig.js"
import * as StatsigUser from "../../src/StatsigUser.js"
import { experimentSpecs } from "./support/experiments.js"
import { capturingLogs } from "./support/specs.js"

const user = StatsigUser.make({ userID: "u" })

const write = (path: string, overrides: ReadonlyArray<Override> | string) =>
  Effect.flatMap(FileSystem.FileSystem, files =>
    files.writeFileString(path, typeof overrides === "string" ? overrides : JSON.stringify(overrides))
  )

/** Lets time pass until the file was checked so many times, with time for the real file system in between. */
const look = (times: number) =>
  Effect.repeatN(
    Effect.andThen(
      TestClock.adjust("500 millis"),
      Effect.promise(() => new Promise(resolve => setTimeout(resolve, 15)))
    ),
    times - 1
  )

/** The overrides of a file in a separate directory, with the log. */
const withFile = <A, E>(
  use: (path: string, lines: ReadonlyArray<string>) => Effect.Effect<A, E, FileSystem.FileSystem | Scope.Scope>
) => {
  const { layer, lines } = capturingLogs()
  return Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    return yield* use(`${yield* files.makeTempDirectoryScoped()}/overrides.json`, lines)
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer), Effect.provide(layer))
}

const found = (overrides: Overrides["Type"], name = "gate") => overrides.find("gate", name, user)

describe("Overrides/File", () => {
  it.effect("supports every kind of override, on top of live specs and of the program's own overrides", () =>
    withFile(path =>
      Effect.gen(function* () {
        yield* write(path, [
          { gate: "in_a", value: false },
          { dynamicConfig: "prices", value: { vat: 19 }, id: "u" },
          { experiment: "banner", group: "A" },
          { experiment: "button", value: { color: "file" } },
          { layer: "menu", value: { columns: 2 } },
          { parameterStore: "links", value: { fixed: "file" } }
        ])
        const offline = StatsigLayer.layerOffline({ specs: experimentSpecs(), disableCountryLookup: true })
        yield* Effect.gen(function* () {
          const statsig = yield* Statsig
          const overrides = yield* Overrides
          overrides.set({ gate: "in_a", value: true })
          overrides.set({ gate: "own", value: true })
          assert.isFalse(statsig.checkGate(user, "in_a"))
          assert.isTrue(statsig.checkGate(user, "own"))
          assert.deepStrictEqual(
            [
              statsig.getDynamicConfig(user, "prices").value,
              statsig.getExperiment(user, "banner").value,
              statsig.getExperiment(user, "button").value,
              statsig.getLayer(user, "menu").unloggedValue,
              statsig.getParameterStore(user, "links").get("fixed", "none")
            ],
            [{ vat: 19 }, { color: "group_A" }, { color: "file" }, { columns: 2 }, "file"]
          )
          overrides.removeAll()
          assert.isFalse(statsig.checkGate(user, "in_a"))
          assert.isFalse(statsig.checkGate(user, "own"))
        }).pipe(Effect.provide(Layer.provide(offline, FileOverrides.layer({ path }))))
      })
    )
  )

  it.effect("follows the file as it appears, changes, is replaced and disappears", () =>
    withFile((path, lines) =>
      Effect.gen(function* () {
        const files = yield* FileSystem.FileSystem
        const overrides = yield* FileOverrides.make({ path })
        assert.isTrue(overrides.isEmpty())
        yield* write(path, [{ gate: "gate", value: true }])
        yield* look(4)
        assert.isTrue(found(overrides))
        yield* write(`${path}.new`, [{ gate: "gate", value: false }])
        yield* files.rename(`${path}.new`, path)
        yield* look(4)
        assert.isFalse(found(overrides))
        yield* files.remove(path)
        yield* look(4)
        assert.isTrue(overrides.isEmpty())
        assert.deepStrictEqual(lines, [
          `INFO 1 overrides from ${path}`,
          `INFO 1 overrides from ${path}`,
          `INFO 0 overrides from ${path}`
        ])
      })
    )
  )

  it.effect("keeps the current overrides when the content is invalid, with one warning", () =>
    withFile((path, lines) =>
      Effect.gen(function* () {
        yield* write(path, [{ gate: "gate", value: true }])
        const overrides = yield* FileOverrides.make({ path })
        const bad = [
          "",
          "[",
          "{}",
          '[{"gate":"gate"}]',
          '[{"gate":"gate","value":"false"}]',
          '[{"gate":"gate","value":false,"ID":"u"}]',
          '[{"gate":"gate","value":false,"id":5}]',
          '[{"gate":"gate","value":false},{"layer":"l","value":[]}]',
          `["${"x".repeat(1024 * 1024)}"]`
        ]
        for (const [index, text] of bad.entries()) {
          yield* write(path, text)
          yield* look(5)
          assert.isTrue(found(overrides), text.slice(0, 80))
          assert.strictEqual(lines.length, index + 2, text.slice(0, 80))
          assert.include(lines.at(-1), `WARN ${path} cannot be used, its overrides stay as they were: `)
        }
        yield* write(path, [{ gate: "gate", value: false }])
        yield* look(4)
        assert.isFalse(found(overrides))
      })
    )
  )

  it.effect("stops following when its scope ends", () =>
    withFile(path =>
      Effect.gen(function* () {
        const overrides = yield* Effect.scoped(FileOverrides.make({ path }))
        yield* write(path, [{ gate: "gate", value: true }])
        yield* look(4)
        assert.isTrue(overrides.isEmpty())
      })
    )
  )
})
