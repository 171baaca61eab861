/**
 * The shutdown of a logger and the end of the process: what is left is sent once more, while there is time.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import { onBeforeExit } from "../../../src/internal/beforeExit.js"
import { guarded, inBackground } from "../../../src/internal/clocks.js"
import type { EventSinkError } from "../../../src/StatsigError.js"
import type { DeliveryParts, EventDelivery } from "./delivery.js"
import { longestTick } from "./schedule.js"

const tooLate = "the time to shut down was over"
const tooLateAtExit = "the process ended before the delivery"

interface ExitParts extends Pick<DeliveryParts, "queue" | "report"> {
  readonly delivery: EventDelivery
  readonly runtime: Runtime.Runtime<never>
  readonly patience: Duration.Duration
}

/** Sends what is queued when the process has nothing else left to do, and reports drops after the shutdown. */
export class ExitWatch {
  #unwatch: (() => void) | undefined
  /** Whether the process has reached its end once, and continued. */
  #hasExited = false
  #isReporting = false

  constructor(private readonly parts: ExitParts) {}

  start(): void {
    this.#unwatch ??= onBeforeExit(() => {
      if (!this.#isDone) Runtime.runFork(this.parts.runtime)(guarded(this.#lastWords))
    })
  }

  readonly stopIfDone = Effect.sync(() => {
    if (!this.#isDone) return
    this.#unwatch?.()
    this.#unwatch = undefined
  })

  /** Call it after events that come after the shutdown: no background fiber reports their drops. */
  noteLateEvent(): void {
    const { queue, report, runtime } = this.parts
    this.start()
    if (!queue.hasDrops || this.#isReporting) return
    this.#isReporting = true
    const reported = Effect.suspend(() => {
      this.#isReporting = false
      return Effect.zipRight(report, this.stopIfDone)
    })
    Runtime.runFork(runtime)(inBackground(Effect.zipRight(Effect.sleep(longestTick), reported)))
  }

  get #isDone(): boolean {
    const { queue } = this.parts
    return queue.pending === 0 && !queue.hasDrops
  }

  readonly #lastWords = Effect.suspend(() => {
    const { delivery, patience, queue, report } = this.parts
    if (queue.pending === 0) return report
    const givenUp = delivery.giveUp(tooLateAtExit)
    if (this.#hasExited) return givenUp
    this.#hasExited = true
    return Effect.zipRight(Effect.timeoutOption(Effect.disconnect(delivery.finish), patience), givenUp)
  })
}

/** A shutdown in progress. */
interface Ending {
  readonly result: Deferred.Deferred<void, EventSinkError>
  fiber: Fiber.RuntimeFiber<unknown> | undefined
  /** Callers that wait for it. */
  waiters: number
}

interface ShutdownParts extends Omit<ExitParts, "report" | "runtime"> {
  readonly exitWatch: ExitWatch
  /** The fibers that send automatically until then. */
  readonly background: Iterable<Fiber.Fiber<unknown>>
}

/** One shutdown for all concurrent callers, and another one for later callers. */
export class Shutdown {
  #ending: Ending | undefined
  /** Whether automatic sending has stopped. */
  isStopped = false

  constructor(private readonly parts: ShutdownParts) {}

  #lastSend(isTold: boolean): Effect.Effect<void, EventSinkError> {
    const { background, delivery, exitWatch, patience, queue } = this.parts
    return Effect.gen(function* () {
      if (isTold) yield* Effect.logDebug(`Shutting down within ${Duration.toMillis(patience)} ms`)
      // Waits for the batches in flight, so that they are not sent twice.
      yield* Fiber.interruptAll(background)
      const [failure] = yield* delivery.finish
      if (failure !== undefined) return yield* failure
      if (isTold) yield* Effect.logDebug(`Shut down; events sent: ${queue.sent}, dropped: ${queue.dropped}`)
    }).pipe(
      Effect.ensuring(
        Effect.suspend(() => {
          this.#ending = undefined
          return exitWatch.stopIfDone
        })
      )
    )
  }

  /** The one in progress; else it starts now. */
  readonly #current = Effect.suspend(() => {
    if (this.#ending !== undefined) return Effect.succeed(this.#ending)
    // The scope of a logger that was shut down closes later, with nothing left to do.
    const last = this.#lastSend(!this.isStopped || this.parts.queue.pending > 0)
    this.isStopped = true
    const begun: Ending = { result: Deferred.unsafeMake(FiberId.none), fiber: undefined, waiters: 0 }
    this.#ending = begun
    return Effect.map(Effect.forkDaemon(Effect.interruptible(Effect.intoDeferred(last, begun.result))), fiber => {
      begun.fiber = fiber
      return begun
    })
  }).pipe(Effect.uninterruptible)

  /** Ends a shutdown in progress, if there is one, and drops what is undelivered. */
  readonly #giveUp = Effect.suspend(() => {
    const { delivery, exitWatch } = this.parts
    const stopped = this.#ending?.fiber === undefined ? Effect.void : Fiber.interruptFork(this.#ending.fiber)
    this.#ending = undefined
    return Effect.all([stopped, delivery.giveUp(tooLate), exitWatch.stopIfDone], { discard: true })
  })

  /** Drops what is undelivered. */
  readonly #dropRest = Effect.suspend(() => (this.parts.queue.pending > 0 ? this.#giveUp : Effect.void))

  /** Waits for the end as long as there is time, for no caller. Errors are in the log by then. */
  readonly #awaitEnd = Effect.suspend(() =>
    Effect.flatMap(this.#current, ({ result }) => Deferred.await(result)).pipe(
      Effect.interruptible,
      Effect.timeoutOption(this.parts.patience),
      Effect.ignore
    )
  )

  /** For a caller. When the last one is interrupted, its time is over. */
  readonly run: Effect.Effect<void, EventSinkError> = Effect.uninterruptibleMask(restore =>
    Effect.flatMap(this.#current, current => {
      current.waiters++
      return Effect.onInterrupt(restore(Deferred.await(current.result)), () =>
        Effect.suspend(() => (--current.waiters === 0 ? this.#giveUp : Effect.void))
      )
    })
  )

  /** For no caller: what is undelivered when the time is over is dropped. */
  readonly end: Effect.Effect<void> = guarded(Effect.zipRight(this.#awaitEnd, this.#dropRest))

  /** The same, unless a caller is still waiting: it has its own time limit. */
  readonly endUnlessAwaited: Effect.Effect<void> = guarded(
    Effect.zipRight(
      this.#awaitEnd,
      Effect.suspend(() => ((this.#ending?.waiters ?? 0) === 0 ? this.#dropRest : Effect.void))
    )
  )
}
