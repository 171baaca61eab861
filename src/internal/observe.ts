/**
 * Reporting to the `ObservabilityClient` of the context, if there is one.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Client, ObservabilityClient } from "../ObservabilityClient.js"
import type { EventSinkError, IdListError, SpecSourceError, SpecsError } from "../StatsigError.js"
import { neverRepeated } from "./http.js"

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

/**
 * Counts something that went wrong and tells of it.
 *
 * @internal
 */
export const reportException = (client: Client, tag: string, exception: string, message: string): void => {
  client.increment("statsig.sdk.sdk_exceptions_count", 1, { tag, exception })
  client.error(tag, message)
}

const parseExceptionOf = ({ format, reason }: SpecsError): string => {
  if (reason === "Checksum") return "ChecksumFailure"
  return format === "protobuf" ? "ProtobufParseError" : "JsonParseError"
}

/**
 * Who met an error, and what the official SDK calls it. `undefined` for what counts as none: a network that is switched
 * off, an answer that refuses events, and ID lists that came and cannot be read.
 *
 * @internal
 */
export const exceptionOf = (
  error: SpecSourceError | SpecsError | EventSinkError | IdListError
): { readonly tag: string; readonly exception: string } | undefined => {
  if (error._tag === "SpecsError") return { tag: "SpecStore", exception: parseExceptionOf(error) }
  switch (error.reason) {
    case "Key":
    case "Status":
    case "Timeout":
    case "Transport": {
      const isFinal =
        error._tag === "EventSinkError"
          ? !error.retryable
          : error.status !== undefined && neverRepeated.has(error.status)
      return { tag: "NetworkClient", exception: isFinal ? "RequestNotRetryable" : "RetriesExhausted" }
    }
    case "Disabled":
    case "Refused":
    case "Invalid":
      return undefined
    default: {
      const tag =
        error._tag === "SpecSourceError" ? error.source : error._tag === "IdListError" ? "IdLists" : "EventSink"
      return { tag, exception: tag === "Adapter(DataStore)" ? "DataStoreFailure" : "CustomError" }
    }
  }
}
