/**
 * A fleet on Redis: five processes evaluate the same specs, and only one of them polls Statsig. When that one is
 * killed, another takes over.
 *
 * Run it with `npx tsx examples/fleet/main.ts`. It needs a Redis, on 127.0.0.1:6379 or at `REDIS_URL`; without one it
 * says so and does nothing, or fails with `REQUIRE_REDIS=1`. Statsig is a local one.
 */
import { type ChildProcess, fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createClient } from "redis"
import { DataStore } from "statsig-effect"
import * as RedisStore from "statsig-effect/layers/DataStore/Redis"
import { LocalStatsig } from "statsig-effect/layers/LocalStatsig"
import * as LocalStatsigNode from "statsig-effect/layers/LocalStatsig/Node"
import { type MemberInput, specsOf, users } from "./shared.js"

const redisUrl = Config.withDefault(Config.redacted("REDIS_URL"), Redacted.make("redis://127.0.0.1:6379"))

const redisIsRequired = Config.withDefault(Config.boolean("REQUIRE_REDIS"), false)

const names = ["ada", "ben", "cleo", "dora", "emil"]
const intervalMs = 1000
const program = fileURLToPath(new URL("member.ts", import.meta.url))

/** Each run is a separate project: Redis keeps the specs of earlier ones, which may be newer. */
const sdkKey = `secret-fleet-${crypto.randomUUID()}`

const cleanUp = (redis: Redacted.Redacted) =>
  Effect.promise(async () => {
    const client = await createClient({ url: Redacted.value(redis) }).connect()
    const key = DataStore.keyOf("/v2/download_config_specs", "plain_text", { sdkKey: Redacted.make(sdkKey) })
    for await (const keys of client.scanIterator({ MATCH: `*${key}*` })) if (keys.length > 0) await client.del(keys)
    client.destroy()
  })

/** A member's process, and the number of users for whom it opens the gate. */
interface Member {
  readonly name: string
  readonly process: ChildProcess
  open: number | undefined
}

const start = (input: MemberInput) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = fork(program, [JSON.stringify(input)], { execArgv: ["--import", "tsx"] })
      const member: Member = { name: input.name, process: child, open: undefined }
      child.on("message", open => {
        member.open = Number(open)
      })
      return member
    }),
    ({ process }) => Effect.sync(() => void process.kill("SIGKILL"))
  )

/** Waits until all report the same number, which is the new one. */
const agree = (members: ReadonlyArray<Member>, isNew: (open: number) => boolean) =>
  Effect.sync(() => members.every(({ open }) => open !== undefined && open === members[0]!.open && isNew(open))).pipe(
    Effect.delay("20 millis"),
    Effect.repeat({ until: done => done }),
    Effect.timeoutFail({ duration: "2 minutes", onTimeout: () => new Error("the fleet did not agree") }),
    Effect.andThen(() =>
      Console.log(`  ${members.length} members open it for ${members[0]!.open} of ${users.length} users`)
    )
  )

/** The members that poll Statsig next, over three requests. */
const pollers = Effect.gen(function* () {
  const statsig = yield* LocalStatsig
  const before = (yield* statsig.requests).length
  const requests = yield* statsig.requests.pipe(
    Effect.delay("20 millis"),
    Effect.repeat({ until: requests => requests.length >= before + 3 }),
    Effect.timeoutFail({ duration: "2 minutes", onTimeout: () => new Error("nobody asks Statsig") })
  )
  return new Set(requests.slice(before).map(({ headers }) => headers["x-request-service"]!))
})

/** The one that polls; fails when there are several. */
const poller = Effect.gen(function* () {
  const [name, ...others] = yield* pollers
  if (others.length > 0) return yield* Effect.fail(new Error(`${[name, ...others].join(", ")} ask Statsig`))
  yield* Console.log(`  ${name} asks Statsig, and nobody else`)
  return name
})

const play = Effect.fn(function* (redis: Redacted.Redacted) {
  const statsig = yield* LocalStatsig
  const { specsUrl } = statsig
  const input = { sdkKey, redisUrl: Redacted.value(redis), specsUrl, intervalMs }

  yield* Console.log(`\n${names.length} processes start, with the gate new_checkout open for 30 % of the users:`)
  const members = yield* Effect.forEach(names, name => start({ ...input, name }))
  yield* agree(members, open => open < users.length)
  const first = yield* poller

  yield* Console.log("\nThe rollout goes to 60 %:")
  const before = members[0]!.open
  yield* statsig.setSpecs(specsOf(60))
  yield* agree(members, open => open !== before)

  yield* Console.log(`\n${first} is killed:`)
  const others = members.filter(({ name }) => name !== first)
  members.find(({ name }) => name === first)!.process.kill("SIGKILL")
  yield* poller

  yield* Console.log("\nThe rollout goes to 100 %:")
  yield* statsig.setSpecs(specsOf(100))
  yield* agree(others, open => open === users.length)
}, Effect.scoped)

const main = Effect.gen(function* () {
  const redis = yield* redisUrl
  const isThere = yield* Effect.scoped(
    Effect.isSuccess(Effect.flatMap(RedisStore.make({ url: redis }), store => store.initialize))
  )
  if (!isThere && (yield* redisIsRequired)) return yield* Effect.dieMessage("There is no Redis")
  if (!isThere) return yield* Console.log("There is no Redis: the example is skipped. Start one, or set REDIS_URL.")
  yield* play(redis).pipe(
    Effect.ensuring(cleanUp(redis)),
    Effect.provide(LocalStatsigNode.layer({ specs: specsOf(30) }))
  )
})

NodeRuntime.runMain(main)
