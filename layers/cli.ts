#!/usr/bin/env node
/**
 * The program `statsig-effect`.
 *
 * @since 0.1.0
 */

const fail = (message: string) => {
  process.stderr.write(`${message}\n`)
  process.exitCode = 1
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND"

const main = async (args: ReadonlyArray<string>): Promise<void> => {
  const { catchTag, runPromise, sync } = await import("effect/Effect")
  const { run } = await import("./Codegen.js")
  await runPromise(catchTag(run(args), "CodegenError", ({ message }) => sync(() => fail(message))))
}

// Programs of the Promise API have no Effect installed.
main(process.argv.slice(2)).catch(error => {
  if (!isMissing(error)) throw error
  fail("The program statsig-effect needs Effect: npm install effect @effect/platform")
})
