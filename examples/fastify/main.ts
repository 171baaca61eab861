/**
 * A Fastify server on the Promise API: a plugin gives each request its user, and on SIGTERM the server finishes open
 * requests, sends the exposures and ends.
 *
 * Run it with `npx tsx examples/fastify/main.ts`. It visits itself and sends itself the signal; Statsig is a local one.
 */
import { once } from "node:events"
import * as ManagedRuntime from "effect/ManagedRuntime"
import Fastify from "fastify"
import { LocalStatsig } from "statsig-effect/layers/LocalStatsig"
import * as LocalStatsigNode from "statsig-effect/layers/LocalStatsig/Node"
import { Statsig, StatsigUser } from "statsig-effect/promise"
import { specs } from "../shop/specs.js"
import { users } from "../shop/users.js"
import { statsigPlugin } from "./plugin.js"

const local = ManagedRuntime.make(LocalStatsigNode.layer({ specs }))
const { events, logEventUrl, specsUrl } = await local.runPromise(LocalStatsig)

// On shutdown a server waits for its clients' keep-alive connections: by default for more than a minute.
const app = Fastify({ keepAliveTimeout: 500 })
await app.register(statsigPlugin, {
  // A real server only passes the key.
  statsig: new Statsig("secret-shop", { specsUrl, logEventUrl }),
  userOf: ({ headers }) => {
    const customer = String(headers["x-customer"])
    return new StatsigUser(Object.hasOwn(users, customer) ? users[customer as keyof typeof users] : users.anonymous)
  }
})

app.get("/checkout", async ({ statsigUser }) => ({
  checkout: app.statsig.checkGate(statsigUser, "new_checkout") ? "new" : "old",
  button: app.statsig.getExperiment(statsigUser, "checkout_button").get("color", "grey"),
  freeFrom: app.statsig.getDynamicConfig(statsigUser, "free_shipping_threshold").get("amount", 100)
}))

app.post("/orders", async ({ statsigUser }) => {
  await new Promise(resolve => setTimeout(resolve, 300))
  app.statsig.logEvent(statsigUser, "order_placed", 74.9, { currency: "EUR" })
  return { ordered: true }
})

const closed = new Promise(resolve => process.once("SIGTERM", () => resolve(app.close())))

const origin = await app.listen({ port: 0, host: "127.0.0.1" })
console.log(`Fastify serves the shop at ${origin}`)

const visit = async (customer: string, method: string, path: string) => {
  const response = await fetch(`${origin}${path}`, { method, headers: { "x-customer": customer } })
  console.log(`  ${customer.padEnd(13)} ${method} ${path}: ${response.status} ${await response.text()}`)
}
for (const customer of ["employee", "germanIphone", "vip", "nobody"]) await visit(customer, "GET", "/checkout")

const order = visit("vip", "POST", "/orders")
await once(app.server, "request")
console.log("SIGTERM comes while an order is being placed:")
process.kill(process.pid, "SIGTERM")
await Promise.all([order, closed])

const names = (await local.runPromise(events)).map(({ eventName }) => eventName)
const count = (name: string) => names.filter(found => found === name).length
const [gates, configs, orders] = ["statsig::gate_exposure", "statsig::config_exposure", "order_placed"].map(count)
console.log(`The server has ended, and Statsig has ${gates} + ${configs} exposures and ${orders} order.`)
if (gates !== 4 || configs !== 8 || orders !== 1) throw new Error("something was lost")
await local.dispose()
