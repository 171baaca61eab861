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
import { inBackground } from "../../src/internal/clocks.js"

/** Downloads that have a place. */
const places = 64

/** Downloads that have lost theirs. */
const mostWithoutPlace = 256

/** How long a download has its place, and how long it may be silent before it may be given up. */
const patience = Duration.seconds(1)

/** Between two looks at who is silent. */
const pauseBetweenLooks = Duration.millis(250)

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

/** Downloads by name. */
export interface Downloads {
  /** The file of that name that is being downloaded, or waits for it. */
  readonly underWay: (name: string) => string | undefined
  /** Begins a download as soon as there is a place. It takes that of another one of the same name. */
  readonly start: (download: Download) => Effect.Effect<void>
  /** Ends all downloads of other names. */
  readonly cancelAllBut: (names: ReadonlySet<string>) => Effect.Effect<void>
  /** Waits as told. Tells whether all have ended. */
  readonly settled: (waiting: Waiting) => Effect.Effect<boolean>
}

/** Makes the downloads. They work in the background, and end with the scope. */
export const make = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const clock = yield* Clock.clockWith(Effect.succeed)
  /** A clock that only goes on. */
  const nowMillis = () => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)
  const waiting = new Map<string, Wanted>()
  const running = new Map<string, Running>()
  let placesTaken = 0
  let heardAt = nowMillis()
  /** When one that had a place was heard. */
  let placedHeardAt = heardAt
  let isWatched = false
  let emptied = Deferred.unsafeMake<void>(FiberId.none)

  const leave = (entry: Running) => {
    if (entry.hasPlace) placesTaken--
    entry.hasPlace = false
  }

  const end = (entry: Running) => {
    if (running.get(entry.download.name) !== entry) return
    running.delete(entry.download.name)
    leave(entry)
    fill()
    if (running.size > 0) return
    Deferred.unsafeDone(emptied, Effect.void)
    emptied = Deferred.unsafeMake<void>(FiberId.none)
  }

  const stop = (entry: Running) => {
    end(entry)
    return entry.fiber === undefined ? Effect.void : Fiber.interruptFork(entry.fiber)
  }

  /** A fiber of its own: a child of the one that made room for it would carry along what all before it had. */
  const begin = ({ download, runtime }: Wanted) => {
    const begunAt = nowMillis()
    const entry: Running = { download, fiber: undefined, begunAt, heardAt: begunAt, hasPlace: true }
    placesTaken++
    running.set(download.name, entry)
    const progress = () => {
      heardAt = entry.heardAt = nowMillis()
      if (entry.hasPlace) placedHeardAt = heardAt
    }
    const run = Effect.ensuring(
      download.run(progress),
      Effect.sync(() => end(entry))
    )
    entry.fiber = Runtime.runFork(runtime)(run, { scope, immediate: false })
  }

  /** Gives free places to those that wait. */
  const fill = () => {
    for (const [name, wanted] of waiting) {
      if (placesTaken >= places) return
      waiting.delete(name)
      begin(wanted)
    }
  }

  const look = Effect.suspend(() => {
    const longAgo = nowMillis() - Duration.toMillis(patience)
    const slow = [...running.values()].filter(({ begunAt }) => begunAt <= longAgo)
    slow.sort((one, other) => one.heardAt - other.heardAt)
    const silent = slow.filter(({ heardAt }) => heardAt <= longAgo)
    const tooMany = silent.slice(0, Math.max(slow.length - mostWithoutPlace, 0))
    let withoutPlace = slow.filter(({ hasPlace }) => !hasPlace).length - tooMany.length
    for (const entry of slow) {
      if (!entry.hasPlace || withoutPlace >= mostWithoutPlace) continue
      leave(entry)
      withoutPlace++
    }
    for (const { download } of tooMany) download.onGivenUp()
    fill()
    return Effect.forEach(tooMany, stop, { discard: true })
  })

  const watch = Effect.gen(function* () {
    while (running.size > 0) {
      yield* Effect.sleep(pauseBetweenLooks)
      yield* look
    }
    isWatched = false
  })

  const cancel = (name: string) =>
    Effect.suspend(() => {
      waiting.delete(name)
      const entry = running.get(name)
      return entry === undefined ? Effect.void : stop(entry)
    })

  const downloads: Downloads = {
    underWay: name => (waiting.get(name) ?? running.get(name))?.download.file,
    start: download =>
      inBackground(
        Effect.gen(function* () {
          yield* cancel(download.name)
          waiting.set(download.name, { download, runtime: yield* Effect.runtime<never>() })
          fill()
          if (isWatched) return
          isWatched = true
          yield* Effect.forkIn(watch, scope)
        })
      ),
    cancelAllBut: names =>
      Effect.forEach(
        [...running.keys(), ...waiting.keys()].filter(name => !names.has(name)),
        cancel,
        { discard: true }
      ),
    settled: ({ awaited, patience }) =>
      Effect.gen(function* () {
        const begun = nowMillis()
        const lastHeard = () => (awaited === "all" ? heardAt : placedHeardAt)
        while (running.size > 0) {
          const rest = Duration.toMillis(patience) - (nowMillis() - Math.max(lastHeard(), begun))
          if (rest <= 0) return false
          yield* Effect.timeoutOption(Deferred.await(emptied), Duration.millis(rest))
        }
        return true
      })
  }
  return downloads
})
