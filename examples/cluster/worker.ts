/**
 * A worker, which is a process of `node:cluster` or a thread of `node:worker_threads`: it has its own instance and
 * evaluates for the users in the primary's questions.
 */
import { parentPort } from "node:worker_threads"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { Statsig, StatsigUser } from "statsig-effect"
import { workerLayer } from "./statsig.js"

/** A message of the primary: the users to evaluate for, or the end. */
export type Question = { readonly users: ReadonlyArray<string>; readonly disableExposureLogging: boolean } | "end"

const primary = parentPort ?? process

const say = (message: unknown) => (parentPort === null ? process.send!(message) : parentPort.postMessage(message))

/** Responds until the primary ends it. */
const answer = (statsig: Statsig.Service) =>
  Effect.async<void>(resume => {
    primary.on("message", (question: Question) => {
      if (question === "end") return resume(Effect.void)
      const { disableExposureLogging, users } = question
      say(
        users.filter(userID =>
          statsig.checkGate(StatsigUser.make({ userID }), "new_checkout", { disableExposureLogging })
        )
      )
    })
    say("ready")
  })

const main = Effect.gen(function* () {
  const statsig = yield* Statsig.Statsig
  yield* statsig.initialize
  yield* answer(statsig)
}).pipe(
  Effect.provide(workerLayer(JSON.parse(process.argv[2]!))),
  // The exposures are sent now.
  Effect.ensuring(Effect.sync(() => (parentPort === null ? process.disconnect() : parentPort.close())))
)

NodeRuntime.runMain(main)
