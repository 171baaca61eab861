/** Programs with hundreds of instances, for example one per customer. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { afterAll, expect, it } from "vitest"
import { Statsig, StatsigUser } from "../../layers/promise.js"
import { payload } from "./support/payload.js"

const server = fork(fileURLToPath(new URL("support/specsServer.mjs", import.meta.url)))
server.send(payload)
const [{ port }] = (await once(server, "message")) as [{ port: number }]
const url = `http://127.0.0.1:${port}/v1`
const user = new StatsigUser({ userID: "u" })

afterAll(() => void server.disconnect())

const holdEventLoop = (millis: number) => {
  for (const end = performance.now() + millis; performance.now() < end; ) {}
}

it("hundreds of instances initialise although the event loop is blocked for longer than their limit", async () => {
  const initTimeoutMs = 500
  const instances = Array.from(
    { length: 300 },
    (_, at) => new Statsig(`secret-${at}`, { specsUrl: url, logEventUrl: url, initTimeoutMs, outputLogLevel: "none" })
  )
  let turns = 0
  let isOver = false
  const countTurns = () => {
    if (turns++ % 100 === 0) holdEventLoop(initTimeoutMs + 100)
    if (!isOver) setImmediate(countTurns)
  }
  const results = Promise.all(instances.map(statsig => statsig.initialize()))
  countTurns()
  expect(new Set((await results).map(({ error = "none" }) => error))).toEqual(new Set(["none"]))
  isOver = true
  // The event loop is free between the work of two instances.
  expect(turns).toBeGreaterThan(instances.length)
  for (const statsig of instances) expect(statsig.checkGate(user, "gate_on")).toBe(true)
  await Promise.all(instances.map(statsig => statsig.shutdown(60_000)))
}, 300_000)
