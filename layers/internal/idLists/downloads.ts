/**
 * Concurrent downloads, of which a slow one does not hold up others.
 *
 * A download starts when it has a slot; there are a few dozen. One that takes longer than a second, silent or slow,
 * releases its slot to the next and continues without it, until its own deadline. So files that hang delay the others
 * by at most a second per few dozen. Downloads without a slot are bounded too: beyond the bound the one that has been
 * silent longest is cancelled; one that receives data continues.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { inBackground } from "../../../src/internal/clocks.js"

/** The number of slots. */
const places = 64

/** The maximum number of downloads without a slot. */
const mostWithoutPlace = 256

/** How long a download keeps its slot, and how long it may be silent before it may be cancelled. */
const patience = Duration.seconds(1)

/** The pause between two checks for silent downloads. */
const pauseBetweenDownloads = Duration.millis(250)

/** One file to download. */
export interface Download {
  readonly name: string
  /** Distinguishes this file from another one of the same name. */
  readonly file: string
  /** Calls `progress` whenever data arrives. It bounds its own time. */
  readonly run: (progress: () => void) => Effect.Effect<void>
  /** Called when it was cancelled because too many hang. */
  readonly onGivenUp: () => void
}

interface DownloadState {
  readonly download: Download
  readonly runtime: Runtime.Runtime<never>
  /** `undefined` while it waits for a slot. */
  fiber?: Fiber.RuntimeFiber<void>
  begunAt: number
  heardAt: number
  hasPlace: boolean
}

/** How to wait for downloads: until no data has arrived for so long for any, or for those that are not slow. */
export interface Waiting {
  readonly awaited: "all" | "quick"
  readonly patience: Duration.Duration
}

/** Downloads by name. They run in the background, and end with the scope. */
export class Downloads {
  /** Those that wait for a slot come last. */
  readonly #entries = new Map<string, DownloadState>()
  #placesTaken = 0
  #heardAt: number
  /** When a download with a slot last received data. */
  #placedHeardAt: number
  #isWatched = false
  #emptied = Deferred.unsafeMake<void>(FiberId.none)

  constructor(
    readonly scope: Scope.Scope,
    readonly clock: Clock.Clock
  ) {
    this.#heardAt = this.#placedHeardAt = this.#now()
  }

  /** The file of that name that is being downloaded, or is queued. */
  underWay(name: string): string | undefined {
    return this.#entries.get(name)?.download.file
  }

  /** Starts a download as soon as there is a slot. It replaces another one of the same name. */
  start(download: Download): Effect.Effect<void> {
    return inBackground(
      Effect.gen(this, function* () {
        yield* this.#stop(this.#entries.get(download.name))
        const runtime = yield* Effect.runtime<never>()
        this.#entries.set(download.name, { download, runtime, begunAt: Infinity, heardAt: 0, hasPlace: false })
        this.#fill()
        if (this.#isWatched) return
        this.#isWatched = true
        yield* Effect.forkIn(this.#watch(), this.scope)
      })
    )
  }

  /** Cancels all downloads of other names. */
  cancelAllBut(names: ReadonlySet<string>): Effect.Effect<void> {
    return Effect.forEach(
      [...this.#entries.keys()].filter(name => !names.has(name)),
      name => this.#stop(this.#entries.get(name)),
      { discard: true }
    )
  }

  /** Waits as specified. Returns whether all have ended. */
  settled({ awaited, patience }: Waiting): Effect.Effect<boolean> {
    return Effect.gen(this, function* () {
      const begun = this.#now()
      while (this.#entries.size > 0) {
        const heardAt = awaited === "all" ? this.#heardAt : this.#placedHeardAt
        const rest = Duration.toMillis(patience) - (this.#now() - Math.max(heardAt, begun))
        if (rest <= 0) return false
        yield* Effect.timeoutOption(Deferred.await(this.#emptied), Duration.millis(rest))
      }
      return true
    })
  }

  /** On a monotonic clock. */
  #now(): number {
    return Number(this.clock.unsafeCurrentTimeNanos() / 1_000_000n)
  }

  #leave(entry: DownloadState): void {
    if (entry.hasPlace) this.#placesTaken--
    entry.hasPlace = false
  }

  #end(entry: DownloadState): void {
    if (this.#entries.get(entry.download.name) !== entry) return
    this.#entries.delete(entry.download.name)
    this.#leave(entry)
    this.#fill()
    if (this.#entries.size > 0) return
    Deferred.unsafeDone(this.#emptied, Effect.void)
    this.#emptied = Deferred.unsafeMake<void>(FiberId.none)
  }

  #stop(entry: DownloadState | undefined): Effect.Effect<void> {
    if (entry !== undefined) this.#end(entry)
    return entry?.fiber === undefined ? Effect.void : Fiber.interruptFork(entry.fiber)
  }

  /** A fiber of its own: a child of the one that freed the slot would inherit from all before it. */
  #begin(entry: DownloadState): void {
    entry.begunAt = entry.heardAt = this.#now()
    entry.hasPlace = true
    this.#placesTaken++
    const progress = () => {
      this.#heardAt = entry.heardAt = this.#now()
      if (entry.hasPlace) this.#placedHeardAt = this.#heardAt
    }
    const run = Effect.ensuring(
      entry.download.run(progress),
      Effect.sync(() => this.#end(entry))
    )
    entry.fiber = Runtime.runFork(entry.runtime)(run, { scope: this.scope, immediate: false })
  }

  /** Gives free slots to waiting downloads. */
  #fill(): void {
    for (const entry of this.#entries.values()) {
      if (this.#placesTaken >= places) return
      if (entry.fiber === undefined) this.#begin(entry)
    }
  }

  #watch(): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      while (this.#entries.size > 0) {
        yield* Effect.sleep(pauseBetweenDownloads)
        yield* Effect.forEach(this.#giveUpSilent(), entry => this.#stop(entry), { discard: true })
      }
      this.#isWatched = false
    })
  }

  /** Takes the slots of slow downloads, and cancels those beyond the bound. Returns those to stop. */
  #giveUpSilent(): ReadonlyArray<DownloadState> {
    const longAgo = this.#now() - Duration.toMillis(patience)
    const slow = [...this.#entries.values()].filter(({ begunAt }) => begunAt <= longAgo)
    slow.sort((one, other) => one.heardAt - other.heardAt)
    const silent = slow.filter(({ heardAt }) => heardAt <= longAgo)
    const tooMany = silent.slice(0, Math.max(slow.length - mostWithoutPlace, 0))
    let withoutPlace = slow.filter(({ hasPlace }) => !hasPlace).length - tooMany.length
    for (const entry of slow) {
      if (!entry.hasPlace || withoutPlace >= mostWithoutPlace) continue
      this.#leave(entry)
      withoutPlace++
    }
    for (const { download } of tooMany) download.onGivenUp()
    this.#fill()
    return tooMany
  }
}

/** Makes the downloads of a scope. */
export const make: Effect.Effect<Downloads, never, Scope.Scope> = Effect.zipWith(
  Effect.scope,
  Clock.clockWith(Effect.succeed),
  (scope, clock) => new Downloads(scope, clock)
)
