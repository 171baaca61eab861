/** A member of a fleet that runs until it is killed. It prints the time of its specs whenever that changes. */
import { Effect, Logger, LogLevel, Redacted } from "effect"
import { member } from "./fleet.js"

const input = JSON.parse(process.argv[2]!)

const main = Effect.gen(function* () {
  const store = yield* member({ ...input, redis: Redacted.make(input.redis) })
  let told: number | undefined
  for (;;) {
    const time = store.current().snapshot?.time
    if (time !== undefined && time !== told) process.stdout.write(`${time}\n`)
    told = time
    yield* Effect.sleep("10 millis")
  }
})

Effect.runPromise(Effect.scoped(main).pipe(Logger.withMinimumLogLevel(LogLevel.None)))
