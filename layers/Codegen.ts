/**
 * The command `statsig-effect`: reads specs from a file, the standard input or a live project, and writes declared
 * flags.
 *
 * @since 0.1.0
 */
import { readFile, writeFile } from "node:fs/promises"
import { stdin } from "node:process"
import { buffer } from "node:stream/consumers"
import { parseArgs } from "node:util"
import type * as ConfigError from "effect/ConfigError"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Codegen from "../src/Codegen.js"
import { largestPayload } from "../src/internal/payload.js"
import { sdkVersion } from "../src/internal/sdkInfo.js"
import type { SpecSourceError, SpecsError } from "../src/StatsigError.js"
import * as StatsigOptions from "../src/StatsigOptions.js"
import * as NodeClient from "./HttpClient/Node.js"
import * as Protobuf from "./internal/protobuf/decode.js"
import * as Http from "./SpecSource/Http.js"

const generateUsage = `statsig-effect generate [--target <api>] [--specs <file>] [--out <file>]

Writes the flags of a Statsig project as typed declarations.

  --target <api>  effect (the default), or promise for programs of statsig-effect/promise
  --specs <file>  a config-specs payload, - for the standard input; without it the live project is asked, with the
                  server secret key in STATSIG_SDK_KEY, STATSIG_SERVER_SECRET or STATSIG_KEY (and the address in
                  STATSIG_SPECS_URL), through the proxy of the environment
  --out <file>    the TypeScript module to write; without it the module goes to the standard output
`

/**
 * The usage text of the command.
 *
 * @since 0.1.0
 */
export const usage = `statsig-effect <command>

  generate        writes the flags of a Statsig project as typed declarations
  help [command]  explains the program or a command, like --help and -h
  version         prints the version, like --version and -v
`

/**
 * The command failed; `message` names the file, the option or the project and what is wrong.
 *
 * @since 0.1.0
 */
export class CodegenError extends Schema.TaggedError<CodegenError>("statsig-effect/CodegenError")("CodegenError", {
  reason: Schema.Literal("Usage", "Read", "Specs", "Write"),
  message: Schema.String
}) {}

const commands: Readonly<Record<string, string>> = { generate: generateUsage, help: usage, version: usage }

const misused = (problem: string, command = "help") =>
  new CodegenError({ reason: "Usage", message: `${problem}\n\n${commands[command]}` })

/**
 * Runs the command with its arguments.
 *
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const first = args[0] ?? ""
  const named = Object.hasOwn(commands, first) ? first : "help"
  const { positionals, values } = yield* Effect.try({
    try: () =>
      parseArgs({
        args: [...args],
        allowPositionals: true,
        options: {
          target: { type: "string" },
          specs: { type: "string" },
          out: { type: "string" },
          help: { type: "boolean", short: "h" },
          version: { type: "boolean", short: "v" }
        }
      }),
    // For an unknown option Node adds advice on arguments that begin with a dash, which does not apply to this command.
    catch: cause => misused(messageOf(cause).replace(/(?<=Unknown option '.*'\.).*$/s, ""), named)
  })
  const [command = values.help ? "help" : values.version ? "version" : undefined, ...others] = positionals
  if (command === undefined) return yield* misused("There is no command.")
  if (!Object.hasOwn(commands, command)) return yield* unknownCommand(command)
  const [topic] = command === "help" ? others : []
  if (topic !== undefined && !Object.hasOwn(commands, topic)) return yield* unknownCommand(topic)
  const unexpected = others[topic === undefined ? 0 : 1]
  if (unexpected !== undefined) return yield* misused(`Unexpected argument "${unexpected}".`, command)
  if (command === "help" || values.help) return yield* Console.log(commands[topic ?? command])
  if (command === "version" || values.version) return yield* Console.log(sdkVersion)
  yield* generateFile(values)
})

const unknownCommand = (name: string) =>
  misused(`Unknown command "${name}": expected ${Object.keys(commands).join(", ")}.`)

const generateFile = Effect.fnUntraced(function* (options: {
  readonly target?: string
  readonly specs?: string
  readonly out?: string
}) {
  const { out, specs: path, target = "effect" } = options
  if (target !== "effect" && target !== "promise") {
    return yield* misused(`--target: expected effect or promise, got "${target}".`, "generate")
  }
  const input = path === undefined ? "the live project" : path === "-" ? "the standard input" : path
  const body = yield* path === undefined ? fetchLive : readBytes(path, input)
  const { flags, source, warnings } = yield* Effect.mapError(
    Effect.flatMap(jsonOf(body), specs => Codegen.generate(specs, target)),
    ({ message }) => new CodegenError({ reason: "Specs", message: `${input}: ${message}` })
  )
  for (const { kind, message, name } of warnings) {
    yield* Console.error(`${input}: ${kind} "${name}" cannot be used: ${message}`)
  }
  if (flags === 0) yield* Console.error(`${input}: there is no flag in it.`)
  if (out === undefined) return yield* Console.log(source.trimEnd())
  yield* Effect.tryPromise({
    try: () => writeFile(out, source),
    catch: cause => new CodegenError({ reason: "Write", message: `${out}: ${messageOf(cause)}` })
  })
  yield* Console.error(`${out}: ${flags} flags of ${input}.`)
})

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Converts a protobuf payload to JSON. */
const jsonOf = (body: string | Uint8Array): Effect.Effect<string | Uint8Array, SpecsError> =>
  Protobuf.isProtobuf(body)
    ? Effect.map(Protobuf.decodePayload(body, { limit: largestPayload }), ({ json }) => json)
    : Effect.succeed(body)

const readBytes = (path: string, input: string): Effect.Effect<Uint8Array, CodegenError> =>
  Effect.tryPromise({
    try: () => (path === "-" ? buffer(stdin) : readFile(path)),
    catch: cause => new CodegenError({ reason: "Read", message: `${input}: ${messageOf(cause)}` })
  })

/** Fetches as the SDK does, but with more time. */
const fetchWith = Effect.fnUntraced(function* (options: StatsigOptions.ResolvedOptions) {
  const source = yield* Http.make({ ...options, initTimeout: "30 seconds" })
  let found: string | Uint8Array = ""
  yield* source.fetch({ purpose: "initialize", sinceTime: 0, checksum: undefined }, ({ body }) =>
    Effect.sync(() => {
      found = body
      return { _tag: "NoUpdates" } as const
    })
  )
  return found
})

const fetchLive: Effect.Effect<string | Uint8Array, CodegenError> = StatsigOptions.config.pipe(
  Effect.flatMap(StatsigOptions.resolve),
  Effect.flatMap(options => Effect.provide(fetchWith(options), NodeClient.layerWith(options))),
  Effect.mapError(
    (error: ConfigError.ConfigError | SpecSourceError | SpecsError) =>
      new CodegenError({
        reason: "Read",
        // The text of a ConfigError names the variable, its message does not.
        message: `the live project: ${"_op" in error ? String(error) : error.message}`
      })
  )
)
