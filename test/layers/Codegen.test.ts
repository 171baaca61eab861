/**
 * The command `statsig-effect generate`: from a file, from a live project, and what it says when it cannot.
 */
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import * as Codegen from "../../layers/Codegen.js"
import { layer as layerLocalStatsig } from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig } from "../../layers/LocalStatsig.js"
import * as Generator from "../../src/Codegen.js"
import { payload } from "./support/specs.js"

const specs = payload({ gates: { new_checkout: true } })

/** A folder with the specs in it, gone with the test. */
const folder = Effect.acquireRelease(
  Effect.sync(() => {
    const path = mkdtempSync(join(tmpdir(), "statsig-effect-"))
    writeFileSync(join(path, "specs.json"), specs)
    return path
  }),
  path => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** Runs the command with these variables; gives what it printed. */
const run = (args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const out: Array<unknown> = []
    const err: Array<unknown> = []
    const console = yield* Effect.console
    yield* Codegen.run(args).pipe(
      Effect.withConsole({
        ...console,
        log: (...line) => Effect.sync(() => out.push(...line)),
        error: (...line) => Effect.sync(() => err.push(...line))
      }),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
    )
    return { out: out.join("\n"), err: err.join("\n") }
  })

const problem = (args: ReadonlyArray<string>, environment?: Readonly<Record<string, string>>) =>
  Effect.map(Effect.flip(run(args, environment)), ({ message, reason }) => `${reason} ${message}`)

describe("generate", () => {
  it.scoped("writes the flags of a file into a file, or prints them", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const input = join(path, "specs.json")
      const output = join(path, "flags.ts")
      const { source } = yield* Generator.generate(specs)
      const { err, out } = yield* run(["generate", "--specs", input, "--out", output])
      assert.deepStrictEqual([out, err], ["", `${output}: 1 flags of ${input}.`])
      assert.strictEqual(readFileSync(output, "utf8"), source)
      assert.strictEqual((yield* run(["generate", "--specs", input])).out, source.trimEnd())
    })
  )

  it.scoped("tells what cannot be used, and that there is nothing", () =>
    Effect.gen(function* () {
      const input = join(yield* folder, "specs.json")
      writeFileSync(input, payload({ gates: {}, fields: { layer_configs: { broken: {} } } }))
      const { err } = yield* run(["generate", "--specs", input])
      assert.include(err, `${input}: layer "broken" cannot be used`)
      assert.include(err, `${input}: there is no flag in it.`)
    })
  )

  it.scoped("asks the live project with the key of the environment, which it never shows", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      yield* local.updateSpecs(draft => ({ ...draft, ...JSON.parse(specs) }))
      const environment = { STATSIG_SERVER_SECRET: "secret-live-project-key", STATSIG_SPECS_URL: local.specsUrl }
      assert.include((yield* run(["generate"], environment)).out, 'new_checkout: Flag.gate("new_checkout")')
      const { STATSIG_SERVER_SECRET: STATSIG_SDK_KEY, STATSIG_SPECS_URL } = environment
      assert.include((yield* run(["generate"], { STATSIG_SDK_KEY, STATSIG_SPECS_URL })).out, "new_checkout")
      yield* local.faultNext("specs", Fault.Reply({ status: 403, body: "secret-live-project-key is unknown" }))
      const refused = yield* problem(["generate"], environment)
      assert.match(refused, /^Read the live project: .*403/)
      assert.notInclude(refused, "secret-live-project-key")
      assert.match(yield* problem(["generate"]), /^Read the live project: .*STATSIG_SERVER_SECRET/s)
    }).pipe(Effect.provide(Layer.fresh(layerLocalStatsig())))
  )

  it.scoped("names the input, the output or the option that is wrong", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const input = join(path, "specs.json")
      assert.match(yield* problem(["generate", "--specs", join(path, "none.json")]), /^Read .*none\.json: ENOENT/)
      assert.match(yield* problem(["generate", "--specs", input, "--out", path]), /^Write .*: EISDIR/)
      writeFileSync(input, "<html>")
      assert.match(yield* problem(["generate", "--specs", input]), /^Specs .*specs\.json: /)
      assert.match(yield* problem(["generate", "--specs"]), /^Usage .*--specs/)
      assert.match(yield* problem(["generate", "--unknown"]), /^Usage .*--unknown/)
      assert.match(yield* problem([]), /^Usage .*generate/)
      assert.include((yield* run(["--help"])).out, Codegen.usage)
    })
  )

  it.scoped("is a program that ends with 0 or 1", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const cli = (...args: ReadonlyArray<string>) =>
        Effect.tryPromise(() => promisify(execFile)(process.execPath, ["--import", "tsx", "layers/cli.ts", ...args]))
      const { stdout } = yield* cli("generate", "--specs", join(path, "specs.json"))
      assert.include(stdout, 'Flag.gate("new_checkout")')
      const { error } = yield* Effect.flip(cli("generate", "--specs", join(path, "none.json")))
      assert.deepInclude(error, { code: 1, stdout: "" })
      assert.include((error as { readonly stderr: string }).stderr, "none.json: ENOENT")
    })
  )
})
