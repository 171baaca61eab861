/**
 * Reporting to the `ObservabilityClient` of the context, if there is one.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Client, ObservabilityClient } from "../ObservabilityClient.js"
import type { EventSinkError, IdListError, SpecSourceError, SpecsError } from "../StatsigError.js"
import { neverRepeated } from "./http.js"
import { sdkKeyShown } from "./sdkInfo.js"

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

/** One request, as its metric tells it. */
interface MeasuredRequest {
  /** Scheme, host and what stands before the API's version. */
  readonly service: string
  /** From the API's version on. */
  readonly path: string
  readonly millis: number
  /** `undefined` where there was no answer. */
  readonly status: number | undefined
  readonly isSuccess: boolean
  readonly sdkKey: string
  readonly deltasUsed?: boolean | undefined
  readonly fileID?: string | undefined
}

/**
 * Tells how long a request took and how it ended.
 *
 * @internal
 */
export const measureRequest = (client: Client, request: MeasuredRequest): void =>
  client.distribution("statsig.sdk.network_request.latency", request.millis, {
    request_path: request.path,
    source_service: request.service,
    status_code: request.status === undefined ? "none" : String(request.status),
    is_success: String(request.isSuccess),
    sdk_key: request.sdkKey.slice(0, sdkKeyShown),
    deltas_used: String(request.deltasUsed === true),
    ...(request.fileID === undefined ? {} : { id_list_file_id: request.fileID })
  })

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
