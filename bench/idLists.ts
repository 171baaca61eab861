/**
 * An ID list of ten million IDs, downloaded from loopback as by a program: `npx tsx --expose-gc bench/idLists.ts`, or
 * with `--ids 1000000`.
 *
 * It prints how long the load takes, how long the event loop was blocked at most, how much memory an ID takes, and what
 * a lookup costs compared with a `Set` of numbers: of consecutive IDs, and of IDs all over the list, which shows the
 * latency of memory. Then the list grows by a thousand IDs. A separate process serves the file. Nothing here asserts a
 * time.
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { Effect, Redacted } from "effect"
import * as NodeClient from "../layers/HttpClient/Node.js"
import * as IdLists from "../layers/IdLists/Http.js"

const { values: options } = parseArgs({
  options: { ids: { type: "string", default: "10000000" }, serve: { type: "boolean", default: false } }
})
const count = Number(options.ids)
const growth = 1_000
const bytesPerLine = 10

/** A fast substitute for SHA-256: equal numbers have equal hashes, spread over 48 bits. */
const hashOf = (index: number): readonly [high: number, low: number] => {
  const mix = (seed: number) => {
    let mixed = Math.imul(index + 1, 0x9e3779b1) ^ seed
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 8
  }
  return [mix(0x1b873593), mix(0x6a09e667)]
}

const serve = async () => {
  const file = Buffer.alloc((count + growth) * bytesPerLine, "\n")
  const hash = Buffer.alloc(6)
  for (let index = 0; index < count + growth; index++) {
    const [high, low] = hashOf(index)
    hash.writeUIntBE(high, 0, 3)
    hash.writeUIntBE(low, 3, 3)
    file.write(`+${hash.toString("base64")}`, index * bytesPerLine, "latin1")
  }
  let asked = 0
  let size = 0
  const server = createServer((request, response) => {
    if (request.url === "/lists") {
      size = (count + (asked++ === 0 ? 0 : growth)) * bytesPerLine
      const url = `http://${request.headers.host}/file`
      response.end(JSON.stringify({ list: { name: "list", url, size, creationTime: 1, fileID: "file" } }))
    } else {
      const start = Number(/\d+/.exec(request.headers.range ?? "")?.[0])
      response.writeHead(206).end(file.subarray(start, size))
    }
  })
  // Connections stay open: the lookups in between take longer than a server would wait.
  server.keepAliveTimeout = 0
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  process.send?.((server.address() as AddressInfo).port)
}

/** Nanoseconds per call, the best of a few rounds. */
const cost = (ids: number, lookup: (high: number, low: number) => boolean): number => {
  const keys = new Uint32Array(2 * ids)
  for (let index = 0; index < ids; index++) keys.set(hashOf(Math.floor((index * count) / ids)), 2 * index)
  const rounds = Math.ceil(2_000_000 / ids)
  let best = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < 5; attempt++) {
    const start = performance.now()
    let hits = 0
    for (let round = 0; round < rounds; round++) {
      for (let at = 0; at < keys.length; at += 2) if (lookup(keys[at] as number, keys[at + 1] as number)) hits++
    }
    if (hits !== ids * rounds) throw new Error(`${hits} of ${ids * rounds} ids were found`)
    best = Math.min(best, ((performance.now() - start) * 1e6) / (ids * rounds))
  }
  return best
}

/** How long an effect takes, and the maximum delay of a one-millisecond timer in that time. */
const watched = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.promise(async () => {
    let longest = 0
    let last = performance.now()
    const timer = setInterval(() => {
      const now = performance.now()
      longest = Math.max(longest, now - last - 1)
      last = now
    }, 1)
    const start = performance.now()
    await Effect.runPromise(effect)
    const millis = performance.now() - start
    await new Promise(resolve => setTimeout(resolve, 5))
    clearInterval(timer)
    return { millis, longest }
  })

const used = Effect.promise(async () => {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.()
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
})

const show = (what: string, value: string) => console.log(`${what.padEnd(44)} ${value}`)

const main = Effect.gen(function* () {
  const server = fork(fileURLToPath(import.meta.url), ["--serve", "--ids", String(count)], {
    execArgv: process.execArgv
  })
  const [port] = yield* Effect.promise(() => once(server, "message"))
  const lists = yield* IdLists.make({
    sdkKey: Redacted.make("secret-bench"),
    idListsUrl: `http://127.0.0.1:${port}/lists`
  })
  const before = yield* used
  const load = yield* watched(lists.sync)
  const perId = ((yield* used) - before) / count
  const { ids } = (yield* lists.status).lists[0]!
  show("ids", `${ids.toLocaleString("en")} (${(count - ids).toLocaleString("en")} met another's hash)`)
  show(
    "load",
    `${(load.millis / 1_000).toFixed(2)} s, the event loop blocked for ${load.longest.toFixed(1)} ms at most`
  )
  show("memory", globalThis.gc === undefined ? "needs --expose-gc" : `${perId.toFixed(1)} bytes per id`)
  const contains = (high: number, low: number) => lists.contains("list", high, low)
  const hot = cost(1_000, contains)
  const cold = cost(1_000_000, contains)
  const grown = yield* watched(lists.sync)
  show(`growth by ${growth}`, `${grown.millis.toFixed(0)} ms, blocked for ${grown.longest.toFixed(1)} ms at most`)
  server.kill()

  const beforeSet = yield* used
  const begun = performance.now()
  const set = new Set<number>()
  for (let index = 0; index < count; index++) {
    const [high, low] = hashOf(index)
    set.add(high * 2 ** 24 + low)
  }
  const setMillis = performance.now() - begun
  show(
    "a Set of numbers",
    `${(setMillis / 1_000).toFixed(2)} s, ${(((yield* used) - beforeSet) / count).toFixed(1)} bytes per id`
  )
  const has = (high: number, low: number) => set.has(high * 2 ** 24 + low)
  show("lookup of a thousand ids in turn", `${hot.toFixed(0)} ns, of a Set ${cost(1_000, has).toFixed(0)} ns`)
  show("lookup of a million ids in turn", `${cold.toFixed(0)} ns, of a Set ${cost(1_000_000, has).toFixed(0)} ns`)
}).pipe(Effect.scoped, Effect.provide(NodeClient.layer))

if (options.serve) await serve()
else await Effect.runPromise(main)
