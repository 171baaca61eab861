/** The command `statsig-effect`: its output for a file, for standard input and for a live project, and its errors. */
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import * as Codegen from "../../layers/Codegen.js"
import { layer as layerLocalStatsig } from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig } from "../../layers/LocalStatsig.js"
import packageJson from "../../package.json" with { type: "json" }
import * as Generator from "../../src/Codegen.js"
import { encodePayload } from "./support/protobuf.js"
import { serveProxy } from "./support/proxies.js"
import { payload } from "./support/specs.js"

const specs = payload({ gates: { new_checkout: true } })

/** A folder with the specs in it, removed after the test. */
const folder = Effect.acquireRelease(
  Effect.sync(() => {
    const path = mkdtempSync(join(tmpdir(), "statsig-effect-"))
    writeFileSync(join(path, "specs.json"), specs)
    return path
  }),
  path => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** Runs the command with these variables; returns its output. */
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

/** Runs the program with this standard input. */
const program = (
  args: ReadonlyArray<string>,
  { environment = {}, input = "" }: { readonly environment?: Record<string, string>; readonly input?: string } = {}
) =>
  Effect.promise(async () => {
    const child = spawn(process.execPath, ["--import", "tsx", "layers/cli.ts", ...args], {
      env: { PATH: process.env["PATH"], ...environment }
    })
    child.stdin.on("error", () => {}).end(input)
    const ended = new Promise(resolve => child.on("close", resolve))
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
    return { code: await ended, out, err }
  })

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
      const forPromise = yield* Generator.generate(specs, "promise")
      const promised = yield* run(["generate", "--target", "promise", "--specs", input])
      assert.strictEqual(promised.out, forPromise.source.trimEnd())
      writeFileSync(input, encodePayload(JSON.parse(specs)))
      assert.strictEqual((yield* run(["generate", "--specs", input])).out, source.trimEnd(), "as protobuf")
    })
  )

  it.scoped("reports unusable specs, and an input without flags", () =>
    Effect.gen(function* () {
      const input = join(yield* folder, "specs.json")
      writeFileSync(input, payload({ gates: {}, fields: { layer_configs: { broken: {} } } }))
      const { err } = yield* run(["generate", "--specs", input])
      assert.include(err, `${input}: layer "broken" cannot be used`)
      assert.include(err, `${input}: there is no flag in it.`)
    })
  )

  it.scoped("fetches from the live project with the key of the environment, which it never shows", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      yield* local.updateSpecs(draft => ({ ...draft, ...JSON.parse(specs) }))
      const key = "secret-live-project-key"
      const environment = { STATSIG_SDK_KEY: key, STATSIG_SPECS_URL: local.specsUrl }
      assert.include((yield* run(["generate"], environment)).out, 'new_checkout: Flag.gate("new_checkout")')
      for (const alias of ["STATSIG_SERVER_SECRET", "STATSIG_KEY"]) {
        const other = { ...environment, STATSIG_SDK_KEY: "", [alias]: key }
        assert.include((yield* run(["generate"], other)).out, "new_checkout", alias)
      }
      yield* local.faultNext("specs", Fault.Reply({ status: 403, body: "secret-live-project-key is unknown" }))
      const refused = yield* problem(["generate"], environment)
      assert.match(refused, /^Read the live project: .*403/)
      assert.notInclude(refused, "secret-live-project-key")
      assert.match(yield* problem(["generate"]), /^Read the live project: .*STATSIG_SDK_KEY/s)
    }).pipe(Effect.provide(Layer.fresh(layerLocalStatsig())))
  )

  it.scoped("names the wrong input, output or option", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const input = join(path, "specs.json")
      assert.match(yield* problem(["generate", "--specs", join(path, "none.json")]), /^Read .*none\.json: ENOENT/)
      assert.match(yield* problem(["generate", "--specs", input, "--out", path]), /^Write .*: EISDIR/)
      writeFileSync(input, "<html>")
      assert.match(yield* problem(["generate", "--specs", input]), /^Specs .*specs\.json: /)
      assert.match(yield* problem(["generate", "--specs"]), /^Usage .*--specs/)
      assert.match(
        yield* problem(["generate", "--target", "python"]),
        /^Usage --target: expected effect or promise, got "python"/
      )
      assert.match(yield* problem(["generate", "--unknown"]), /^Usage Unknown option '--unknown'\.\n\n/)
      assert.match(yield* problem([]), /^Usage There is no command\..*generate/s)
      assert.match(yield* problem(["generat"]), /^Usage Unknown command "generat": expected generate, help, version\./)
      assert.match(yield* problem(["help", "generat"]), /^Usage Unknown command "generat"/)
      assert.match(yield* problem(["generate", "specs.json"]), /^Usage Unexpected argument "specs\.json"\..*--specs/s)
    })
  )

  it.effect("prints its help and its version", () =>
    Effect.gen(function* () {
      for (const args of [["help"], ["--help"], ["-h"]]) assert.strictEqual((yield* run(args)).out, Codegen.usage)
      for (const args of [
        ["help", "generate"],
        ["generate", "--help"],
        ["generate", "-h"]
      ]) {
        assert.match((yield* run(args)).out, /^statsig-effect generate .*--specs <file>/s)
      }
      for (const args of [["version"], ["--version"], ["-v"]]) {
        assert.strictEqual((yield* run(args)).out, packageJson.version)
      }
    })
  )

  it.scoped("is a program that ends with 0 or 1", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const done = yield* program(["generate", "--specs", join(path, "specs.json")])
      assert.deepInclude(done, { code: 0, err: "" })
      assert.include(done.out, 'Flag.gate("new_checkout")')
      const failed = yield* program(["generate", "--specs", join(path, "none.json")])
      assert.deepInclude(failed, { code: 1, out: "" })
      assert.include(failed.err, "none.json: ENOENT")
      const misused = yield* program(["generat"])
      assert.deepInclude(misused, { code: 1, out: "" })
      assert.include(misused.err, Codegen.usage.trim())
      assert.deepStrictEqual(yield* program(["--version"]), { code: 0, out: `${packageJson.version}\n`, err: "" })
    })
  )

  it.live("ends quietly when its output is not read", () =>
    Effect.promise(async () => {
      const child = spawn(process.execPath, ["--import", "tsx", "layers/cli.ts", "help"])
      child.stdout.destroy()
      const ended = new Promise(resolve => child.on("close", resolve))
      assert.deepStrictEqual([await text(child.stderr), await ended], ["", 0])
    })
  )

  it.live("reads specs from the standard input", () =>
    Effect.gen(function* () {
      const { source } = yield* Generator.generate(specs)
      const args = ["generate", "--specs", "-"]
      assert.deepStrictEqual(yield* program(args, { input: specs }), { code: 0, out: source, err: "" })
      const failed = yield* program(args, { input: "<html>" })
      assert.deepInclude(failed, { code: 1, out: "" })
      assert.match(failed.err, /^the standard input: /)
    })
  )

  it.scopedLive(
    "fetches from the live project through the proxy of the environment, except for the hosts of NO_PROXY",
    () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        yield* local.updateSpecs(draft => ({ ...draft, ...JSON.parse(specs) }))
        const proxy = yield* serveProxy()
        const environment = { STATSIG_SDK_KEY: "secret-abc", STATSIG_SPECS_URL: local.specsUrl, HTTP_PROXY: proxy.url }
        const through = yield* program(["generate"], { environment })
        assert.deepInclude(through, { code: 0, err: "" })
        assert.include(through.out, 'Flag.gate("new_checkout")')
        assert.deepStrictEqual(proxy.seen, [`GET ${local.specsUrl}/secret-abc.json`])
        const beside = yield* program(["generate"], {
          environment: { ...environment, NO_PROXY: "127.0.0.1,localhost" }
        })
        assert.deepInclude(beside, { code: 0, err: "" })
        assert.lengthOf(proxy.seen, 1)
      }).pipe(Effect.provide(Layer.fresh(layerLocalStatsig())))
  )
})
