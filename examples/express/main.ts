/**
 * An Express server on the Promise API. It evaluates flags for each visitor, and renders a page whose browser SDK
 * starts from the server's values, without a request to Statsig.
 *
 * Run it with `npx tsx examples/express/main.ts`: it visits its own page and ends. With `--serve` it keeps running, on
 * `PORT`. It uses the shop's specs from memory, and no network.
 */
import { randomUUID } from "node:crypto"
import type { AddressInfo } from "node:net"
import express, { type Request, type Response } from "express"
import { ResponseBuffer, Statsig, StatsigUser, type StatsigUserArgs } from "statsig-effect/promise"
import { answersOf } from "../page/answers.js"
import { bundleScript, cookies, renderPage, visitorOf } from "../page/page.js"
import { visit } from "../page/visit.js"
import { specs } from "../shop/specs.js"

const statsig = new Statsig("secret-shop", {
  disableNetwork: true,
  dataStore: { initialize: async () => {}, get: async () => ({ result: JSON.stringify(specs), time: specs.time }) }
})
await statsig.initialize()
const script = await bundleScript()

const cookie = (request: Request, name: string): string | undefined =>
  request.headers.cookie
    ?.split("; ")
    .find(pair => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1)

const userOf = (request: Request, response: Response): StatsigUser => {
  const stableID = cookie(request, cookies.stableID) ?? randomUUID()
  response.cookie(cookies.stableID, stableID, { httpOnly: true, sameSite: "lax" })
  const visitor = visitorOf(cookie(request, cookies.visitor), stableID, request.headers["user-agent"] ?? "")
  return new StatsigUser(visitor as StatsigUserArgs & { userID: string })
}

/** The values for the browser are written into the same memory again and again; each page has a copy. */
const buffer = new ResponseBuffer()

const app = express()
app.get("/", (request, response) => {
  const user = userOf(request, response)
  const answers = answersOf({
    gate: name => statsig.checkGate(user, name),
    config: (name, parameter) => statsig.getDynamicConfig(user, name).getValue(parameter),
    experiment: (name, parameter) => statsig.getExperiment(user, name).getValue(parameter),
    layer: (name, parameter) => statsig.getLayer(user, name).getValue(parameter),
    store: (name, parameter, fallback) => statsig.getParameterStore(user, name).getValue(parameter, fallback)
  })
  response.type("html").send(renderPage(answers, statsig.writeClientInitializeResponse(user, buffer)))
})
app.get("/page.js", (_, response) => void response.type("js").send(script))

const server = app.listen(Number(process.env["PORT"] ?? 0), "127.0.0.1", async () => {
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  console.log(`Express serves the shop at ${origin}`)
  if (process.argv.includes("--serve")) return
  console.log(await visit(origin, "powerShopper"))
  server.close()
  server.closeAllConnections()
  await statsig.shutdown()
})
