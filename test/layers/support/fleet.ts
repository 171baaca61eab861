/** A Statsig that distinguishes its callers, and members of a fleet in this process and in others. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { Context, Effect, Layer, Redacted, type Scope } from "effect"
import * as RedisFleet from "../../../layers/DataStore/RedisFleet.js"
import * as FetchClient from "../../../layers/HttpClient/Fetch.js"
import * as DataStoreSource from "../../../layers/SpecSource/DataStore.js"
import * as Http from "../../../layers/SpecSource/Http.js"
import * as SpecStoreLayer from "../../../layers/SpecStore.js"
import { SpecStore } from "../../../src/SpecStore.js"
import { translated } from "../../support/translated.js"
import { noUpdates, payload } from "./specs.js"

const sdkKey = Redacted.make("secret-fleet")
export const specsKey = DataStoreSource.specsKey({ sdkKey })

/** A Statsig on loopback whose specs have only a time. */
export const statsigServer = Effect.acquireRelease(
  Effect.promise(async () => {
    const state = { time: 1, isDown: false }
    const callers: Array<string> = []
    /** Holds back the responses to one caller. */
    const holds = new Map<string, (answer: () => void) => void>()
    const server = createServer((request, response: ServerResponse) => {
      const caller = String(request.headers["x-request-service"])
      const since = Number(new URL(request.url!, "http://localhost").searchParams.get("sinceTime") ?? 0)
      callers.push(caller)
      const { isDown, time } = state
      const answer = () => {
        response.statusCode = isDown ? 403 : 200
        response.end(isDown ? "" : since >= time ? noUpdates : payload({ time }))
      }
      const hold = holds.get(caller)
      if (hold === undefined) answer()
      else hold(answer)
    }).listen(0, "127.0.0.1")
    await once(server, "listening")
    const { port } = server.address() as AddressInfo
    return {
      state,
      callers,
      url: `http://127.0.0.1:${port}/v2/specs`,
      /** The next request of the caller; calling the result responds with the specs that are current then. */
      hold: (caller: string) =>
        Effect.async<() => void>(
          resume =>
            void holds.set(caller, answer => {
              holds.delete(caller)
              resume(Effect.succeed(answer))
            })
        ),
      close: () => {
        server.closeAllConnections()
        server.close()
      }
    }
  }),
  ({ close }) => Effect.sync(close)
)

export interface MemberOptions {
  readonly name: string
  readonly redis: Redacted.Redacted
  readonly specsUrl: string
  /** Milliseconds: of the lease, and between polls. */
  readonly interval: number
  /** Milliseconds. Default: as `interval`. */
  readonly syncInterval?: number
}

/** A member of the fleet, initialised and polling. */
export const member = (options: MemberOptions): Effect.Effect<SpecStore["Type"], unknown, Scope.Scope> =>
  SpecStoreLayer.layer({ syncInterval: options.syncInterval ?? options.interval }).pipe(
    Layer.provide(DataStoreSource.layerBefore({ sdkKey })),
    Layer.provide(Http.layer({ sdkKey, specsUrl: options.specsUrl, serviceName: options.name })),
    Layer.provide(RedisFleet.layer({ url: options.redis, interval: options.interval })),
    Layer.provide(FetchClient.layer),
    Layer.build,
    Effect.map(Context.get(SpecStore)),
    Effect.tap(store => Effect.andThen(Effect.ignore(store.load), store.startUpdates))
  )

const program = fileURLToPath(new URL("fleetMember.ts", import.meta.url))

/** A member in a separate process, which has its first specs. */
export const memberProcess = (options: MemberOptions) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const input = JSON.stringify({ ...options, redis: Redacted.value(options.redis) })
      const child: ChildProcess = spawn(process.execPath, [await translated(program), input], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      const held: Array<number> = []
      await new Promise<void>((resolve, reject) => {
        child.once("exit", reject)
        child.stdout!.on("data", (chunk: Buffer) => {
          held.push(...chunk.toString().trim().split("\n").map(Number))
          resolve()
        })
      })
      return {
        /** The times of the specs that it held, in order. */
        held,
        kill: Effect.sync(() => void child.kill("SIGKILL")),
        pause: Effect.sync(() => void child.kill("SIGSTOP")),
        goOn: Effect.sync(() => void child.kill("SIGCONT"))
      }
    }),
    ({ kill }) => kill
  )
