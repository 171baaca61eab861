/**
 * The responses of a local Statsig.
 */
import * as zlib from "node:zlib"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type { ReceivedRequest } from "./requests.js"

/**
 * The content encodings of responses.
 *
 * @since 0.1.0
 */
export type Encoding = "identity" | "gzip" | "br" | "deflate"

/** A response before it is sent. */
export interface ServedAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** The headers of a JSON response. */
export const jsonHeaders = { "content-type": "application/json" }

/** A JSON response. */
export const answerJson = (status: number, value: unknown): ServedAnswer => ({
  status,
  headers: jsonHeaders,
  body: Buffer.from(JSON.stringify(value))
})

/** A response that refuses the request. */
export const refuse = (status: number, error: string): ServedAnswer => answerJson(status, { success: false, error })

const encoders: Readonly<Record<Encoding, (body: Uint8Array) => Uint8Array>> = {
  identity: body => body,
  gzip: body => zlib.gzipSync(body),
  // The default quality of 11 takes a second for a real payload.
  br: body => zlib.brotliCompressSync(body, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } }),
  deflate: body => zlib.deflateSync(body)
}

/** Compresses a response. */
export const encodeAnswer = ({ body, headers, status }: ServedAnswer, encoding: Encoding): ServedAnswer => ({
  status,
  headers: encoding === "identity" ? headers : { ...headers, "content-encoding": encoding },
  body: encoders[encoding](body)
})

/** A list's file is not encoded: a range of it counts its own bytes. */
export const chooseEncoding = ({ endpoint, headers }: ReceivedRequest): Encoding => {
  if (endpoint !== "specs" && endpoint !== "idListManifest") return "identity"
  const accepted = new Set((headers["accept-encoding"] ?? "").split(",").map(token => token.trim().toLowerCase()))
  return accepted.has("br") ? "br" : accepted.has("gzip") ? "gzip" : "identity"
}

/** After the magic number: damage further back may look like a truncation, which lenient decoders accept. */
export const corruptBody = (answer: ServedAnswer): ServedAnswer => ({
  ...answer,
  body: Uint8Array.from(answer.body).fill(0xff, 2)
})

/** The response for `@effect/platform`. */
export const toResponse = ({ body, headers, status }: ServedAnswer): HttpServerResponse.HttpServerResponse =>
  status === 204 || status === 304
    ? HttpServerResponse.empty({ status, headers })
    : HttpServerResponse.uint8Array(body, {
        status,
        headers,
        contentType: headers["content-type"] ?? "application/octet-stream"
      })
