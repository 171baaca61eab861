/**
 * A serverless function that is frozen between its calls: it is stopped as on such platforms, while a rollout changes,
 * and continued for five concurrent calls, which share one request for the new specs.
 *
 * Run it with `npx tsx examples/serverless/main.ts`, not on Windows, which cannot stop a process. Statsig is a local
 * one.
 */
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { isDeepStrictEqual } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { LocalStatsig } from "statsig-effect/layers/LocalStatsig"
import * as LocalStatsigNode from "statsig-effect/layers/LocalStatsig/Node"
import { specsOf, users } from "../fleet/shared.js"
import type { Answer, Call } from "./handler.js"

/** The function in a separate process, which can be frozen. */
const startFunction = Effect.gen(function* () {
  const { logEventUrl, specsUrl } = yield* LocalStatsig
  const env = { STATSIG_SDK_KEY: "secret-shop", STATSIG_SPECS_URL: specsUrl, STATSIG_LOG_EVENT_URL: logEventUrl }
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      fork(fileURLToPath(new URL("runtime.ts", import.meta.url)), {
        execArgv: ["--import", "tsx"],
        env: { ...process.env, ...env }
      })
    ),
    child => Effect.sync(() => void child.kill("SIGKILL"))
  )
  let ids = 0
  const invoke = (call: Call) =>
    Effect.async<Answer>(resume => {
      const id = ++ids
      const onMessage = (message: { readonly id: number; readonly answer: Answer }) => {
        if (message.id !== id) return
        child.off("message", onMessage)
        resume(Effect.succeed(message.answer))
      }
      child.on("message", onMessage)
      child.send({ id, call })
    }).pipe(Effect.timeoutFail({ duration: "2 minutes", onTimeout: () => new Error("the function does not answer") }))
  return {
    invoke,
    freeze: Effect.sync(() => void child.kill("SIGSTOP")),
    thaw: Effect.sync(() => void child.kill("SIGCONT"))
  }
})

/** The requests and events that Statsig has received so far. */
const noticed = Effect.gen(function* () {
  const statsig = yield* LocalStatsig
  const requests = (yield* statsig.requests).filter(({ endpoint }) => endpoint === "specs").length
  const exposures = (yield* statsig.events).filter(({ eventName }) => eventName === "statsig::gate_exposure").length
  return { requests, exposures }
})

/** The outcome of calls, and what Statsig had received by the time they returned. */
interface Outcome {
  readonly checkout: string
  readonly requests: number
  readonly exposures: number
}

const program = Effect.gen(function* () {
  const { setSpecs } = yield* LocalStatsig
  const { freeze, invoke, thaw } = yield* startFunction

  /** Makes concurrent calls; fails when their outcome is different. */
  const call = Effect.fn(function* (count: number, expected: Outcome) {
    const before = yield* noticed
    const answers = yield* Effect.forEach(users.slice(0, count), userID => invoke({ userID }), {
      concurrency: "unbounded"
    })
    const after = yield* noticed
    const outcome: Outcome = {
      checkout: [...new Set(answers.map(({ checkout }) => checkout))].join(" and "),
      requests: after.requests - before.requests,
      exposures: after.exposures - before.exposures
    }
    yield* Console.log(
      `  ${outcome.checkout} checkout; requests for specs: ${outcome.requests}; exposures that arrived: ${outcome.exposures}`
    )
    if (!isDeepStrictEqual(outcome, expected)) {
      return yield* Effect.fail(new Error(`expected ${JSON.stringify(expected)}`))
    }
  })

  yield* Console.log("A cold start for 1 call:")
  yield* call(1, { checkout: "old", requests: 1, exposures: 1 })

  yield* Console.log("The function is frozen, and the rollout goes from 0 % to 100 %. It thaws for 5 calls at once:")
  yield* freeze
  yield* setSpecs(specsOf(100))
  yield* Effect.sleep("2200 millis")
  yield* thaw
  yield* call(5, { checkout: "new", requests: 1, exposures: 5 })

  yield* Console.log("The same 5 users call once more; their exposures are logged already:")
  yield* call(5, { checkout: "new", requests: 0, exposures: 0 })
}).pipe(Effect.scoped, Effect.provide(LocalStatsigNode.layer({ specs: specsOf(0) })))

NodeRuntime.runMain(program)
