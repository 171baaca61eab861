/**
 * Reporting to the `ObservabilityClient` of the context, if there is one.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Client, ObservabilityClient } from "../ObservabilityClient.js"

/**
 * Calls the client. What a client of the program's own throws is its own trouble.
 *
 * @internal
 */
export type Observe = (report: (client: Client) => void) => void

/**
 * The way to report from where it is run; it does nothing where there is no client.
 *
 * @internal
 */
export const observer: Effect.Effect<Observe> = Effect.map(
  Effect.serviceOption(ObservabilityClient),
  (client): Observe =>
    Option.isNone(client)
      ? () => {}
      : report => {
          try {
            report(client.value)
          } catch {}
        }
)
