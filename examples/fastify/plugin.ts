/**
 * Statsig as a Fastify plugin: the server has a client, every request its user, and closing the server sends pending
 * events.
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

/** The options of the plugin. */
export interface StatsigPluginOptions {
  /** Not initialised yet: the plugin does that. */
  readonly statsig: Statsig
  /** The user of a request. */
  readonly userOf: (request: FastifyRequest) => StatsigUser
}

/** The symbol, which `fastify-plugin` sets too, makes its hooks and names those of the server that registers it. */
export const statsigPlugin = Object.assign(
  async (app: FastifyInstance, { statsig, userOf }: StatsigPluginOptions) => {
    app.decorate("statsig", statsig)
    app.decorateRequest("statsigUser")
    app.addHook("onRequest", async request => {
      request.statsigUser = userOf(request)
    })
    // Fastify calls this after all requests are answered.
    app.addHook("onClose", async () => {
      await statsig.shutdown()
    })
    await statsig.initialize()
  },
  { [Symbol.for("skip-override")]: true }
)
