/** The Redis that tests use if there is one: 127.0.0.1:6379, database 9. */
import { connect } from "node:net"

/** Where Redis is expected. */
export const redisAddress = { host: "127.0.0.1", port: 6379 }

export const redisUrl = `redis://${redisAddress.host}:${redisAddress.port}/9`

const answers = (): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect({ ...redisAddress, timeout: 500 })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once("connect", () => end(true))
    socket.once("error", () => end(false))
    socket.once("timeout", () => end(false))
  })

/** Whether the Redis tests run: there is one, or the environment requires it (`REQUIRE_REDIS=1`). */
export const hasRedis = process.env["REQUIRE_REDIS"] === "1" || (await answers())

if (!hasRedis) console.warn("There is no Redis on 127.0.0.1:6379: what needs one is skipped")
