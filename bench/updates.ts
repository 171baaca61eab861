/**
 * The cost of updating a big project: `tsx bench/updates.ts`, and `tsx bench/updates.ts heap` for what 5,000 updates
 * leave behind.
 *
 * The project is that of `project.ts` many times over: 20 MB, of which an update changes one spec. The update goes
 * through the store in bytes, as in a program; a separate row measures the use of every spec after it. For comparison,
 * an empty store reads the same payload. A block is the longest time between two turns of the event loop. Nothing here
 * asserts a time.
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Context, Effect, Layer, Stream } from "effect"
import * as SpecStoreLayer from "../layers/SpecStore.js"
import { SpecSource } from "../src/SpecSource.js"
import { SpecStore } from "../src/SpecStore.js"
import { median } from "./median.js"
import { benchSpecs, benchSpecsTimes } from "./project.js"

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

const megabyte = 1024 * 1024
const tables = ["feature_gates", "dynamic_configs", "layer_configs"] as const

/** Payloads that each change one spec of the previous one, and nothing else. */
const makeUpdates = (size: number) => {
  const specs = benchSpecsTimes(Math.ceil(size / JSON.stringify(benchSpecs()).length))
  const text = JSON.stringify(specs)
  const bytes = Buffer.from(text)
  const count = tables.reduce((sum, table) => sum + Object.keys(specs[table] as object).length, 0)
  const timeAt = text.indexOf(`"time":${specs.time}`) + '"time":'.length
  // ASCII throughout, so that characters are bytes; a changed condition would affect many specs.
  const salts = [...text.matchAll(/"salt":"[^"]{8,}"/g)].map(match => match.index + '"salt":"'.length)
  const conditions = text.indexOf('"condition_map":')
  const ofSpecs = salts.filter(at => at < conditions)
  return {
    count,
    size: bytes.length,
    /** The payload after another update; the number is that of the update. */
    next: (update: number): Buffer => {
      bytes.write(String(specs.time + update), timeAt)
      const changed = ofSpecs[(update * 7919) % ofSpecs.length] as number
      if (update > 0) bytes.write(update.toString(36).padStart(6, "0"), changed)
      return Buffer.from(bytes)
    }
  }
}

/** A store whose source returns the body that was set last. */
const makeStore = Effect.gen(function* () {
  let body: Uint8Array = new Uint8Array()
  const source = Layer.succeed(SpecSource, {
    name: "Network",
    fetch: (_request, apply) => Effect.suspend(() => apply({ source: "Network", sourceApi: undefined, body })),
    polls: Effect.succeed(false),
    updates: Stream.empty
  })
  const layer = Layer.provide(SpecStoreLayer.layer({ syncInterval: "1 hour" }), source)
  const store = Context.get(yield* Layer.build(layer), SpecStore)
  return {
    store,
    sync: (next: Uint8Array) =>
      Effect.suspend(() => {
        body = next
        const before = store.current().snapshot
        return Effect.filterOrDieMessage(store.syncNow, () => store.current().snapshot !== before, "it was not applied")
      })
  }
})

/** Decodes and compiles the rest. */
const useAll = (store: SpecStore["Type"]): number => {
  const { snapshot } = store.current()
  let good = 0
  for (const table of ["gates", "dynamicConfigs", "layers"] as const) {
    for (const _ of snapshot?.specs(table) ?? []) good++
  }
  return good
}

/** Milliseconds of the work and of the longest block of the event loop, and the turns of the loop meanwhile. */
interface Watched {
  readonly took: number
  readonly longest: number
  readonly turns: number
}

/** Runs the work while watching the event loop. */
const watched = <A, E>(work: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    let longest = 0
    let turns = 0
    let last = performance.now()
    const look = () => {
      const now = performance.now()
      longest = Math.max(longest, now - last)
      last = now
      turns++
      handle = setImmediate(look)
    }
    let handle = setImmediate(look)
    yield* Effect.promise(() => new Promise(resolve => setImmediate(resolve)))
    longest = 0
    turns = 0
    const started = performance.now()
    yield* work
    const took = performance.now() - started
    yield* Effect.promise(() => new Promise(resolve => setImmediate(resolve)))
    clearImmediate(handle)
    return { took, longest, turns }
  })

const row = (name: string, runs: ReadonlyArray<Watched>) => {
  const shown = (value: number) => `${value.toFixed(1).padStart(7)} ms`
  const took = runs.map(run => run.took)
  const longest = runs.map(run => run.longest)
  console.log(
    name.padEnd(44),
    `${shown(median(took))} (best ${Math.min(...took).toFixed(1)})`.padEnd(28),
    `block ${shown(median(longest))} (worst ${Math.max(...longest).toFixed(1)})`.padEnd(34),
    `turns ${median(runs.map(run => run.turns))}`
  )
}

const memory = (): string => {
  collectGarbage()
  const { arrayBuffers, external, heapUsed, rss } = process.memoryUsage()
  const shown = (bytes: number) => `${(bytes / megabyte).toFixed(0).padStart(4)} MB`
  return `heap ${shown(heapUsed)}  array buffers ${shown(arrayBuffers)}  external ${shown(external)}  rss ${shown(rss)}`
}

const rounds = 15

const redo = Effect.fnUntraced(function* (body: Uint8Array) {
  const { store, sync } = yield* makeStore
  collectGarbage()
  return { load: yield* watched(sync(body)), use: yield* watched(Effect.sync(() => useAll(store))) }
})

const updates = Effect.gen(function* () {
  const payloads = makeUpdates(20_000_000)
  console.log(`${payloads.count} specs, ${payloads.size} bytes\n`)
  console.log(`before        ${memory()}`)
  const fresh = yield* makeStore
  const first = payloads.next(0)
  row("first load, process cold", [yield* watched(fresh.sync(first))])
  console.log(`loaded        ${memory()}`)
  row("first use of every spec", [yield* watched(Effect.sync(() => useAll(fresh.store)))])
  console.log(`all specs used ${memory()}`)

  const changed: Array<Watched> = []
  const used: Array<Watched> = []
  const loaded: Array<Watched> = []
  const redone: Array<Watched> = []
  for (let round = 1; round <= rounds; round++) {
    const body = payloads.next(round)
    collectGarbage()
    changed.push(yield* watched(fresh.sync(body)))
    used.push(yield* watched(Effect.sync(() => useAll(fresh.store))))
    const { load, use } = yield* Effect.scoped(redo(body))
    loaded.push(load)
    redone.push({ took: load.took + use.took, longest: Math.max(load.longest, use.longest), turns: load.turns })
  }
  row("update, 1 spec changed", changed)
  row("use of every spec after it", used)
  row("load into an empty store", loaded)
  row("full redo: load and use of every spec", redone)
  console.log(`after updates  ${memory()}`)
})

const heap = Effect.gen(function* () {
  const payloads = makeUpdates(5_000_000)
  console.log(`${payloads.count} specs, ${payloads.size} bytes, one spec changes each time\n`)
  const { store, sync } = yield* makeStore
  for (let update = 0; update <= 5_000; update++) {
    yield* sync(payloads.next(update))
    useAll(store)
    if (update % 500 === 0) console.log(String(update).padStart(5), memory())
  }
})

Effect.runPromise(Effect.scoped(process.argv[2] === "heap" ? heap : updates))
