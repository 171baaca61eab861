/**
 * Downloads side by side, of which a slow one holds up no other.
 *
 * A download begins when it has a place, and there are a few dozen. One that takes longer than a second, silent or slow,
 * gives its place to the next and goes on without it, until its own deadline. So files that hang cost the others a second
 * at most for every few dozen. Those without a place are bounded too: beyond the bound the one that has been silent
 * longest is given up, and one from which something comes keeps its place.
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

/** Downloads that have a place. */
const places = 64

/** Downloads that have lost theirs. */
const mostWithoutPlace = 256

/** How long a download has its place, and how long it may be silent before it may be given up. */
const patience = Duration.seconds(1)

/** Between two looks at who is silent. */
const pauseBetweenDownloads = Duration.millis(250)

/** One thing to download. */
export interface Download {
  readonly name: string
  /** What tells this file from another one of the same name. */
  readonly file: string
  /** Calls `progress` whenever something comes. It bounds its own time. */
  readonly run: (progress: () => void) => Effect.Effect<void>
  /** Called when it was interrupted because too many hang. */
  readonly onGivenUp: () => void
}

/** A download, and the surroundings of the sync that wants it. */
interface Wanted {
  readonly download: Download
  readonly runtime: Runtime.Runtime<never>
}

interface Running {
  readonly download: Download
  fiber: Fiber.RuntimeFiber<void> | undefined
  readonly begunAt: number
  heardAt: number
  hasPlace: boolean
}

/** How to wait for downloads: until nothing has come for so long of any, or of those that do not take long. */
export interface Waiting {
  readonly awaited: "all" | "quick"
  readonly patience: Duration.Duration
}

/** Downloads by name. They work in the background, and end with the scope. */
export class Downloads {
  readonly #waiting = new Map<string, Wanted>()
  readonly #running = new Map<string, Running>()
  #placesTaken = 0
  #heardAt: number
  /** When one that had a place was heard. */
  #placedHeardAt: number
  #isWatched = false
  #emptied = Deferred.unsafeMake<void>(FiberId.none)

  constructor(
    readonly scope: Scope.Scope,
    readonly clock: Clock.Clock
  ) {
    this.#heardAt = this.#placedHeardAt = this.#now()
  }

  /** The file of that name that is being downloaded, or waits for it. */
  underWay(name: string): string | undefined {
    return (this.#waiting.get(name) ?? this.#running.get(name))?.download.file
  }

  /** Begins a download as soon as there is a place. It takes that of another one of the same name. */
  start(download: Download): Effect.Effect<void> {
    return inBackground(
      Effect.gen(this, function* () {
        yield* this.#cancel(download.name)
        this.#waiting.set(download.name, { download, runtime: yield* Effect.runtime<never>() })
        this.#fill()
        if (this.#isWatched) return
        this.#isWatched = true
        yield* Effect.forkIn(this.#watch(), this.scope)
      })
    )
  }

  /** Ends all downloads of other names. */
  cancelAllBut(names: ReadonlySet<string>): Effect.Effect<void> {
    return Effect.forEach(
      [...this.#running.keys(), ...this.#waiting.keys()].filter(name => !names.has(name)),
      name => this.#cancel(name),
      { discard: true }
    )
  }

  /** Waits as told. Tells whether all have ended. */
  settled({ awaited, patience }: Waiting): Effect.Effect<boolean> {
    return Effect.gen(this, function* () {
      const begun = this.#now()
      while (this.#running.size > 0) {
        const heardAt = awaited === "all" ? this.#heardAt : this.#placedHeardAt
        const rest = Duration.toMillis(patience) - (this.#now() - Math.max(heardAt, begun))
        if (rest <= 0) return false
        yield* Effect.timeoutOption(Deferred.await(this.#emptied), Duration.millis(rest))
      }
      return true
    })
  }

  /** By a clock that only goes on. */
  #now(): number {
    return Number(this.clock.unsafeCurrentTimeNanos() / 1_000_000n)
  }

  #leave(entry: Running): void {
    if (entry.hasPlace) this.#placesTaken--
    entry.hasPlace = false
  }

  #end(entry: Running): void {
    if (this.#running.get(entry.download.name) !== entry) return
    this.#running.delete(entry.download.name)
    this.#leave(entry)
    this.#fill()
    if (this.#running.size > 0) return
    Deferred.unsafeDone(this.#emptied, Effect.void)
    this.#emptied = Deferred.unsafeMake<void>(FiberId.none)
  }

  #stop(entry: Running): Effect.Effect<void> {
    this.#end(entry)
    return entry.fiber === undefined ? Effect.void : Fiber.interruptFork(entry.fiber)
  }

  #cancel(name: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#waiting.delete(name)
      const entry = this.#running.get(name)
      return entry === undefined ? Effect.void : this.#stop(entry)
    })
  }

  /** A fiber of its own: a child of the one that made room for it would carry along what all before it had. */
  #begin({ download, runtime }: Wanted): void {
    const begunAt = this.#now()
    const entry: Running = { download, fiber: undefined, begunAt, heardAt: begunAt, hasPlace: true }
    this.#placesTaken++
    this.#running.set(download.name, entry)
    const progress = () => {
      this.#heardAt = entry.heardAt = this.#now()
      if (entry.hasPlace) this.#placedHeardAt = this.#heardAt
    }
    const run = Effect.ensuring(
      download.run(progress),
      Effect.sync(() => this.#end(entry))
    )
    entry.fiber = Runtime.runFork(runtime)(run, { scope: this.scope, immediate: false })
  }

  /** Gives free places to those that wait. */
  #fill(): void {
    for (const [name, wanted] of this.#waiting) {
      if (this.#placesTaken >= places) return
      this.#waiting.delete(name)
      this.#begin(wanted)
    }
  }

  #watch(): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      while (this.#running.size > 0) {
        yield* Effect.sleep(pauseBetweenDownloads)
        yield* Effect.forEach(this.#giveUpSilent(), entry => this.#stop(entry), { discard: true })
      }
      this.#isWatched = false
    })
  }

  /** Takes their places from the slow ones, and gives up those that are too many. Gives what is to be stopped. */
  #giveUpSilent(): ReadonlyArray<Running> {
    const longAgo = this.#now() - Duration.toMillis(patience)
    const slow = [...this.#running.values()].filter(({ begunAt }) => begunAt <= longAgo)
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
