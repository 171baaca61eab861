#!/usr/bin/env node
/**
 * The program `statsig-effect`, which is published as one file with Effect inside.
 *
 * @since 0.1.0
 */
import { argv, stderr, stdout } from "node:process"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { run } from "./Codegen.js"

/** The standard output is for the generated code. */
const logger = Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.stringLogger))

// The reader of the output may stop early: `statsig-effect generate | head`.
for (const stream of [stdout, stderr]) stream.on("error", () => {})

await run(argv.slice(2)).pipe(
  Effect.catchTag("CodegenError", ({ message }) =>
    Effect.sync(() => {
      console.error(message.trimEnd())
      process.exitCode = 1
    })
  ),
  Effect.provide(logger),
  Effect.runPromise
)
