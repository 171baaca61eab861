/**
 * A server on the `HttpServer` of `@effect/platform`. A middleware takes the user from the request; the page's browser
 * SDK starts from the server's values, without a request to Statsig.
 *
 * Run it with `npx tsx examples/effect-http/main.ts`: it visits its own page and ends. With `--serve` it keeps running,
 * on `PORT`. It uses the shop's specs from memory, and no network.
 */
import { createServer } from "node:http"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { ClientInitialize, Statsig, StatsigUser } from "statsig-effect"
import * as StatsigLayer from "statsig-effect/layers/Statsig"
import { answersOf } from "../page/answers.js"
import { bundleScript, cookies, renderPage, visitorOf } from "../page/page.js"
import { visit } from "../page/visit.js"
import { specs } from "../shop/specs.js"

/**
 * Provides the user of the request, and gives the browser an ID where it has none. Without it the routes below, which
 * require a user, do not compile.
 */
const identify = <E, R>(app: HttpApp.Default<E, R>) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const stableID = request.cookies[cookies.stableID] ?? crypto.randomUUID()
    const visitor = visitorOf(request.cookies[cookies.visitor], stableID, request.headers["user-agent"] ?? "")
    const response = yield* Statsig.withUser(StatsigUser.make(visitor))(app)
    return HttpServerResponse.unsafeSetCookie(response, cookies.stableID, stableID, { httpOnly: true, sameSite: "lax" })
  })

/** Writes the values for the browser as bytes, into memory that is used again: the page has a copy. */
const page = (buffer: ClientInitialize.ResponseBuffer) =>
  Effect.gen(function* () {
    const statsig = yield* Statsig.Statsig
    const user = yield* Statsig.CurrentUser
    const answers = answersOf({
      gate: name => statsig.checkGate(user, name),
      config: (name, parameter) => Option.getOrNull(statsig.getDynamicConfig(user, name).getValue(parameter)),
      experiment: (name, parameter) => Option.getOrNull(statsig.getExperiment(user, name).getValue(parameter)),
      layer: (name, parameter) => Option.getOrNull(statsig.getLayer(user, name).getValue(parameter)),
      store: (name, parameter) => Option.getOrNull(statsig.getParameterStore(user, name).getValue(parameter))
    })
    return HttpServerResponse.uint8Array(renderPage(answers, statsig.writeClientInitializeResponse(user, buffer)), {
      contentType: "text/html; charset=utf-8"
    })
  })

/** The values alone, for pages that fetch them; the response keeps a copy. */
const values = (buffer: ClientInitialize.ResponseBuffer) =>
  Effect.gen(function* () {
    const statsig = yield* Statsig.Statsig
    const bytes = statsig.writeClientInitializeResponse(yield* Statsig.CurrentUser, buffer).slice()
    return HttpServerResponse.uint8Array(bytes, { contentType: "application/json" })
  })

const program = Effect.gen(function* () {
  const script = yield* Effect.promise(bundleScript)
  const buffer = ClientInitialize.makeBuffer()
  const router = HttpRouter.empty.pipe(
    HttpRouter.get("/", page(buffer)),
    HttpRouter.get("/values", values(buffer)),
    HttpRouter.get("/page.js", HttpServerResponse.text(script, { contentType: "text/javascript" }))
  )
  yield* HttpServer.serveEffect(router, identify)
  const { address } = yield* HttpServer.HttpServer
  const origin = `http://127.0.0.1:${address._tag === "TcpAddress" ? address.port : 0}/`
  yield* Console.log(`Effect serves the shop at ${origin}`)
  if (process.argv.includes("--serve")) return yield* Effect.never
  yield* Console.log(yield* Effect.tryPromise(() => visit(origin, "powerShopper")))
})

const server = Layer.unwrapEffect(
  Effect.map(Config.withDefault(Config.integer("PORT"), 0), port =>
    NodeHttpServer.layer(createServer, { port, host: "127.0.0.1" })
  )
)

program.pipe(
  Effect.scoped,
  Effect.provide(Layer.merge(server, StatsigLayer.layerOffline({ specs }))),
  NodeRuntime.runMain
)
