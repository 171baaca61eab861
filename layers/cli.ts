#!/usr/bin/env node
/**
 * The program `statsig-effect`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { run } from "./Codegen.js"

const fail = (message: string) =>
  Effect.sync(() => {
    process.stderr.write(`${message}\n`)
    process.exitCode = 1
  })

Effect.runPromise(Effect.catchTag(run(process.argv.slice(2)), "CodegenError", ({ message }) => fail(message)))
