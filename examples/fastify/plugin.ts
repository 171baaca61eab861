/**
 * Statsig as a plugin of Fastify: the server has a client, every request its user, and a server that is closed sends what
 * is still to be logged.
 */
import type { FastifyInstance, FastifyRequest } from "fastify"
import type { Statsig, StatsigUser } from "statsig-effect/promise"

declare module "fastify" {
  interface FastifyInstance {
    readonly statsig: Statsig
  }
  interface FastifyRequest {
    statsigUser: StatsigUser
  }
}

/** What the plugin is registered with. */
export interface StatsigPluginOptions {
  /** Not initialised yet: the plugin does that. */
  readonly statsig: Statsig
  /** Who a request is from. */
  readonly userOf: (request: FastifyRequest) => StatsigUser
}

/** By the symbol, which `fastify-plugin` sets too, its hooks and names are those of the server that registers it. */
export const statsigPlugin = Object.assign(
  async (app: FastifyInstance, { statsig, userOf }: StatsigPluginOptions) => {
    app.decorate("statsig", statsig)
    app.decorateRequest("statsigUser")
    app.addHook("onRequest", async request => {
      request.statsigUser = userOf(request)
    })
    // Fastify comes to it when all requests are answered.
    app.addHook("onClose", async () => {
      await statsig.shutdown()
    })
    await statsig.initialize()
  },
  { [Symbol.for("skip-override")]: true }
)
