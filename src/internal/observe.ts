/**
 * Reporting to the `ObservabilityClient` of the context, if there is one.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Client, ObservabilityClient } from "../ObservabilityClient.js"
import type { EventSinkError, IdListError, SpecSourceError, SpecsError } from "../StatsigError.js"
import { neverRepeated } from "./http.js"

/** Calls the client. Errors that a custom client throws are swallowed. */
export type Observe = (report: (client: Client) => void) => void

/** A reporter for the context in which it is run; it does nothing without a client. */
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

/** Counts an error and reports it. */
export const reportException = (client: Client, tag: string, exception: string, message: string): void => {
  client.increment("statsig.sdk.sdk_exceptions_count", 1, { tag, exception })
  client.error(tag, message)
}

const parseExceptionOf = ({ format, reason }: SpecsError): string => {
  if (reason === "Checksum") return "ChecksumFailure"
  return format === "protobuf" ? "ProtobufParseError" : "JsonParseError"
}

/**
 * The tag and the official SDK's name of an error. `undefined` for what is not reported: a disabled network, a response
 * that rejects events, and ID lists that arrived but cannot be read.
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
