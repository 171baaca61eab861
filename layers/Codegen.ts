/**
 * The command `statsig-effect generate`: specs of a file, or of a live project, in; declared flags out.
 *
 * @since 0.1.0
 */
import { readFile, writeFile } from "node:fs/promises"
import { parseArgs } from "node:util"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Codegen from "../src/Codegen.js"
import type { SpecSourceError, SpecsError } from "../src/StatsigError.js"
import * as FetchClient from "./HttpClient/Fetch.js"
import * as Http from "./SpecSource/Http.js"

/**
 * How the command is used.
 *
 * @since 0.1.0
 */
export const usage = `statsig-effect generate [--specs <file>] [--out <file>]

Writes the flags of a Statsig project as typed declarations for statsig-effect.

  --specs <file>  a config-specs payload; without it the live project is asked, by the server secret key of the
                  environment: STATSIG_SERVER_SECRET or STATSIG_SDK_KEY (and STATSIG_SPECS_URL)
  --out <file>    the TypeScript module to write; without it the module goes to the standard output
`

/**
 * The command cannot do what it is told to; `message` names the file, the option or the project and what is wrong.
 *
 * @since 0.1.0
 */
export class CodegenError extends Schema.TaggedError<CodegenError>("statsig-effect/CodegenError")("CodegenError", {
  reason: Schema.Literal("Usage", "Read", "Specs", "Write"),
  message: Schema.String
}) {}

/**
 * Runs the command with its arguments.
 *
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const { values } = yield* Effect.try({
    try: () =>
      parseArgs({
        args: [...args],
        allowPositionals: true,
        options: { specs: { type: "string" }, out: { type: "string" }, help: { type: "boolean", short: "h" } }
      }),
    catch: cause => new CodegenError({ reason: "Usage", message: `${messageOf(cause)}\n\n${usage}` })
  }).pipe(
    Effect.filterOrFail(
      ({ positionals, values }) => values.help === true || (positionals.length === 1 && positionals[0] === "generate"),
      () => new CodegenError({ reason: "Usage", message: `Expected the command "generate".\n\n${usage}` })
    )
  )
  if (values.help === true) return yield* Console.log(usage)

  const input = values.specs ?? "the live project"
  const specs = yield* values.specs === undefined ? fetchLive : readText(values.specs)
  const { flags, source, warnings } = yield* Effect.mapError(
    Codegen.generate(specs),
    ({ message }) => new CodegenError({ reason: "Specs", message: `${input}: ${message}` })
  )
  for (const { kind, message, name } of warnings) {
    yield* Console.error(`${input}: ${kind} "${name}" cannot be used: ${message}`)
  }
  if (flags === 0) yield* Console.error(`${input}: there is no flag in it.`)
  if (values.out === undefined) return yield* Console.log(source.trimEnd())
  const { out } = values
  yield* Effect.tryPromise({
    try: () => writeFile(out, source),
    catch: cause => new CodegenError({ reason: "Write", message: `${out}: ${messageOf(cause)}` })
  })
  yield* Console.error(`${out}: ${flags} flags of ${input}.`)
})

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const readText = (path: string): Effect.Effect<string, CodegenError> =>
  Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: cause => new CodegenError({ reason: "Read", message: `${path}: ${messageOf(cause)}` })
  })

const fetchLive: Effect.Effect<string | Uint8Array, CodegenError> = Effect.gen(function* () {
  const sdkKey = yield* Config.orElse(Config.redacted("STATSIG_SERVER_SECRET"), () =>
    Config.redacted("STATSIG_SDK_KEY")
  )
  const specsUrl = yield* Config.option(Config.string("STATSIG_SPECS_URL"))
  const source = yield* Http.make({ sdkKey, specsUrl: Option.getOrUndefined(specsUrl), initTimeout: "30 seconds" })
  let found: string | Uint8Array = ""
  yield* source.fetch({ purpose: "initialize", sinceTime: 0, checksum: undefined }, ({ body }) =>
    Effect.sync(() => {
      found = body
      return { _tag: "NoUpdates" } as const
    })
  )
  return found
}).pipe(
  Effect.provide(FetchClient.layer),
  Effect.mapError(
    (error: ConfigError.ConfigError | SpecSourceError | SpecsError) =>
      new CodegenError({
        reason: "Read",
        message: "message" in error ? `the live project: ${error.message}` : `the live project: ${String(error)}`
      })
  )
)
