/** A Redis of a test's own, to kill, pause and restart. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Redacted } from "effect"
import { createClient } from "redis"

/** Whether the tests of such a Redis run: it is installed, or the environment requires it (`REQUIRE_REDIS=1`). */
export const canStartRedis =
  process.env["REQUIRE_REDIS"] === "1" || spawnSync("redis-server", ["--version"]).status === 0

if (!canStartRedis) console.warn("There is no redis-server: what needs one is skipped")

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return port
}

/** An empty, in-memory Redis on a free port that ends with the scope. */
export const redisServer = Effect.acquireRelease(
  Effect.promise(async () => {
    const port = await freePort()
    const directory = await mkdtemp(join(tmpdir(), "redis-"))
    let server: ChildProcess | undefined

    const start = async () => {
      const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory]
      const started = spawn("redis-server", options, { stdio: "ignore" })
      server = started
      const client = createClient({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: 20 } })
      await client.on("error", () => {}).connect()
      await client.close()
    }
    const kill = async () => {
      const running = server
      server = undefined
      if (running === undefined) return
      running.kill("SIGKILL")
      if (running.exitCode === null && running.signalCode === null) await once(running, "exit")
    }
    await start()
    return {
      url: Redacted.make(`redis://127.0.0.1:${port}`),
      port,
      start: Effect.promise(start),
      kill: Effect.promise(kill),
      pause: Effect.sync(() => void server?.kill("SIGSTOP")),
      goOn: Effect.sync(() => void server?.kill("SIGCONT")),
      end: async () => {
        await kill()
        await rm(directory, { recursive: true })
      }
    }
  }),
  server => Effect.promise(server.end)
)
