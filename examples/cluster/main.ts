/**
 * Two processes of `node:cluster` and two threads of `node:worker_threads`, each with its own instance, evaluate the
 * specs that the primary fetches for all of them.
 *
 * Run it with `npx tsx examples/cluster/main.ts`. Statsig is a local one. Processes on several machines share a Redis
 * instead of a directory: see `examples/fleet`.
 */
import cluster from "node:cluster"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { Statsig } from "statsig-effect"
import { LocalStatsig } from "statsig-effect/layers/LocalStatsig"
import * as LocalStatsigNode from "statsig-effect/layers/LocalStatsig/Node"
import { specsOf } from "../fleet/shared.js"
import { primaryLayer, type Settings } from "./statsig.js"
import type { Question } from "./worker.js"

const users = Array.from({ length: 40 }, (_, index) => `u-${index}`)
const fileOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** A process or a thread of the same program. */
interface Peer {
  readonly send: (question: Question) => void
  readonly on: (event: "message" | "exit", listener: (message: unknown) => void) => void
  readonly kill: () => void
}

const makeProcess = (settings: Settings): Peer => {
  cluster.setupPrimary({ exec: fileOf("worker.ts"), execArgv: ["--import", "tsx"], args: [JSON.stringify(settings)] })
  const worker = cluster.fork()
  return {
    send: question => void worker.send(question),
    on: (event, listener) => void worker.on(event, listener),
    kill: () => worker.process.kill("SIGKILL")
  }
}

const makeThread = (settings: Settings): Peer => {
  const worker = new Worker(fileOf("thread.mjs"), { execArgv: [], argv: [JSON.stringify(settings)] })
  return {
    send: question => worker.postMessage(question),
    on: (event, listener) => void worker.on(event, listener),
    kill: () => void worker.terminate()
  }
}

/** Starts a worker, and returns a function that asks it, once it is ready. */
const start = Effect.fn(function* (make: (settings: Settings) => Peer, settings: Settings) {
  const messages = yield* Queue.unbounded<unknown>()
  const { on, send } = yield* Effect.acquireRelease(
    Effect.sync(() => make(settings)),
    peer => Effect.sync(peer.kill)
  )
  on("message", message => Queue.unsafeOffer(messages, message))
  on("exit", code => Queue.unsafeOffer(messages, code))
  const next = Effect.timeoutFail(Queue.take(messages), {
    duration: "2 minutes",
    onTimeout: () => new Error("a worker says nothing")
  })
  const ready = yield* next
  if (ready !== "ready") return yield* Effect.fail(new Error(`a worker ended with ${ready}`))
  return (question: Question) =>
    Effect.zipRight(
      Effect.sync(() => send(question)),
      next
    )
})

type Ask = Effect.Effect.Success<ReturnType<typeof start>>

/** Asks all workers about all users, until all return the same, expected results. */
const agree = (workers: ReadonlyArray<Ask>, isExpected: (open: number) => boolean) =>
  Effect.forEach(workers, ask => ask({ users, disableExposureLogging: true }), { concurrency: "unbounded" }).pipe(
    Effect.map(answers => answers.map(answer => String(answer))),
    Effect.delay("50 millis"),
    Effect.repeat({
      until: answers => new Set(answers).size === 1 && isExpected(answers[0]!.split(",").length)
    }),
    Effect.timeoutFail({ duration: "2 minutes", onTimeout: () => new Error("the workers do not agree") }),
    Effect.flatMap(answers =>
      Console.log(
        `  ${answers.length} workers open it for the same ${answers[0]!.split(",").length} of ${users.length} users`
      )
    )
  )

const play = Effect.fn(function* (directory: string) {
  const statsig = yield* LocalStatsig
  yield* Effect.flatMap(Statsig.Statsig, ({ initialize }) => initialize)
  const settings = { directory, logEventUrl: statsig.logEventUrl }

  yield* Console.log("2 processes and 2 threads start, with the gate new_checkout open for 30 %:")
  const makers = [makeProcess, makeProcess, makeThread, makeThread]
  const workers = yield* Effect.forEach(makers, make => start(make, settings), { concurrency: "unbounded" })
  yield* agree(workers, open => open > 0 && open < 20)

  yield* Console.log("The rollout goes to 100 %:")
  yield* statsig.setSpecs(specsOf(100))
  yield* agree(workers, open => open === users.length)
  const requests = (yield* statsig.requests).filter(({ endpoint }) => endpoint === "specs")
  const askers = new Set(requests.map(({ headers }) => headers["x-request-service"]))
  yield* Console.log(`  Statsig was asked by: ${[...askers].join(", ")}`)

  yield* Console.log("Each of the users meets one of the workers, and then the workers end:")
  yield* Effect.forEach(
    workers,
    (ask, worker) => {
      const met = users.filter((_, index) => index % workers.length === worker)
      return Effect.zipRight(ask({ users: met, disableExposureLogging: false }), ask("end"))
    },
    { concurrency: "unbounded" }
  )
  const batches = yield* statsig.batches
  const exposures = batches
    .flatMap(({ events }) => events)
    .filter(({ eventName }) => eventName === "statsig::gate_exposure")
  const exposed = new Set(exposures.map(({ user }) => user?.["userID"]))
  const senders = new Set(batches.map(({ statsigMetadata }) => statsigMetadata["sessionID"]))
  yield* Console.log(`  ${exposures.length} exposures of ${exposed.size} users arrived, from ${senders.size} instances`)
  if (askers.size !== 1 || exposures.length !== users.length || exposed.size !== users.length) {
    return yield* Effect.fail(new Error("expected one asker, and each exposure once"))
  }
})

const main = Effect.gen(function* () {
  const { specsUrl } = yield* LocalStatsig
  const directory = yield* Effect.flatMap(FileSystem.FileSystem, files =>
    files.makeTempDirectoryScoped({ prefix: "statsig-specs-" })
  )
  yield* Effect.provide(play(directory), primaryLayer(directory, specsUrl))
}).pipe(Effect.scoped, Effect.provide([LocalStatsigNode.layer({ specs: specsOf(30) }), NodeContext.layer]))

NodeRuntime.runMain(main)
