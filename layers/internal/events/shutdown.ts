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
import { type EventDelivery, longestTick } from "./delivery.js"

const tooLate = "the time to shut down was over"
const tooLateAtExit = "the process ended before the delivery"

class Ending {
  readonly result = Deferred.unsafeMake<void, EventSinkError>(FiberId.none)
  fiber: Fiber.RuntimeFiber<unknown> | undefined
  waiters = 0
}

/**
 * One shutdown for all concurrent callers, and another one for later callers. It also sends what is queued when the
 * process has nothing else left to do, and reports drops after the shutdown.
 */
export class Shutdown {
  #ending: Ending | undefined
  isStopped = false
  #unwatch: (() => void) | undefined
  /** Whether the process has reached its end once, and continued. */
  #hasExited = false
  #isReporting = false

  /** `ticks`: the fiber that sends what has waited for long, until then. */
  constructor(
    private readonly delivery: EventDelivery,
    private readonly runtime: Runtime.Runtime<never>,
    private readonly ticks: Fiber.Fiber<unknown>
  ) {}

  watchExit(): void {
    this.#unwatch ??= onBeforeExit(() => {
      if (!this.#isDone) Runtime.runFork(this.runtime)(guarded(this.#lastWords))
    })
  }

  readonly unwatchIfDone = Effect.sync(() => {
    if (!this.#isDone) return
    this.#unwatch?.()
    this.#unwatch = undefined
  })

  /** Call it after events that come after the shutdown: no background fiber reports their drops. */
  noteLateEvent(): void {
    const { queue, report } = this.delivery
    this.watchExit()
    if (!queue.hasDrops || this.#isReporting) return
    this.#isReporting = true
    const reported = Effect.suspend(() => {
      this.#isReporting = false
      return Effect.zipRight(report, this.unwatchIfDone)
    })
    Runtime.runFork(this.runtime)(inBackground(Effect.zipRight(Effect.sleep(longestTick), reported)))
  }

  get #isDone(): boolean {
    const { queue } = this.delivery
    return queue.pending === 0 && !queue.hasDrops
  }

  readonly #lastWords = Effect.suspend(() => {
    const { finish, parts, queue, report } = this.delivery
    if (queue.pending === 0) return report
    const givenUp = this.delivery.giveUp(tooLateAtExit)
    if (this.#hasExited) return givenUp
    this.#hasExited = true
    return Effect.zipRight(Effect.timeoutOption(Effect.disconnect(finish), parts.patience), givenUp)
  })

  #lastSend(isTold: boolean): Effect.Effect<void, EventSinkError> {
    return Effect.gen(this, function* () {
      const { finish, parts, queue } = this.delivery
      if (isTold) yield* Effect.logDebug(`Shutting down within ${Duration.toMillis(parts.patience)} ms`)
      // Waits for the batches in flight, so that they are not sent twice.
      yield* Fiber.interrupt(this.ticks)
      yield* this.delivery.stop
      const [failure] = yield* finish
      if (failure !== undefined) return yield* failure
      if (isTold) yield* Effect.logDebug(`Shut down; events sent: ${queue.sent}, dropped: ${queue.dropped}`)
    }).pipe(
      Effect.ensuring(
        Effect.suspend(() => {
          this.#ending = undefined
          return this.unwatchIfDone
        })
      )
    )
  }

  /** The one in progress; else it starts now. */
  readonly #current = Effect.suspend(() => {
    if (this.#ending !== undefined) return Effect.succeed(this.#ending)
    // The scope of a logger that was shut down closes later, with nothing left to do.
    const last = this.#lastSend(!this.isStopped || this.delivery.queue.pending > 0)
    this.isStopped = true
    const begun = new Ending()
    this.#ending = begun
    return Effect.map(Effect.forkDaemon(Effect.interruptible(Effect.intoDeferred(last, begun.result))), fiber => {
      begun.fiber = fiber
      return begun
    })
  }).pipe(Effect.uninterruptible)

  /** Ends a shutdown in progress, if there is one, and drops what is undelivered. */
  readonly #giveUp = Effect.suspend(() => {
    const stopped = this.#ending?.fiber === undefined ? Effect.void : Fiber.interruptFork(this.#ending.fiber)
    this.#ending = undefined
    return Effect.all([stopped, this.delivery.giveUp(tooLate), this.unwatchIfDone], { discard: true })
  })

  /** For a caller. When the last one is interrupted, its time is over. */
  readonly run: Effect.Effect<void, EventSinkError> = Effect.uninterruptibleMask(restore =>
    Effect.flatMap(this.#current, current => {
      current.waiters++
      return Effect.onInterrupt(restore(Deferred.await(current.result)), () =>
        Effect.suspend(() => (--current.waiters === 0 ? this.#giveUp : Effect.void))
      )
    })
  )

  /**
   * For no caller: what is undelivered when the time is over is dropped; `unlessAwaited`, not while a caller waits, which
   * has its own time limit. Errors are in the log by then.
   */
  end(unlessAwaited: boolean): Effect.Effect<void> {
    return Effect.flatMap(this.#current, ({ result }) => Deferred.await(result)).pipe(
      Effect.interruptible,
      Effect.timeoutOption(this.delivery.parts.patience),
      Effect.ignore,
      Effect.andThen(() => {
        const isAwaited = unlessAwaited && (this.#ending?.waiters ?? 0) > 0
        return this.delivery.queue.pending > 0 && !isAwaited ? this.#giveUp : Effect.void
      }),
      guarded
    )
  }
}
