/**
 * What requests for specs ask for: JSON, protobuf, or no more of it than has changed.
 *
 * The official SDK asks for the whole again after differences that could not be used, and for differences again after the
 * next answer that could.
 */
import type * as Headers from "@effect/platform/Headers"
import type { Outcome } from "../../src/SpecSource.js"

/** What is added to a request. */
export interface Asking {
  readonly headers: Readonly<Record<string, string>>
  readonly query: ReadonlyArray<string>
  /** Whether differences are asked for. */
  readonly deltasUsed: boolean
}

const json: Asking = { headers: { "accept-encoding": "gzip, br" }, query: [], deltasUsed: false }

const protobuf: Asking = {
  headers: { "accept-encoding": "statsig-br, gzip, br", "statsig-supports-proto": "true" },
  query: ["supports_proto=true"],
  deltasUsed: false
}

const deltas: Asking = { ...protobuf, query: [...protobuf.query, "accept_deltas=true"], deltasUsed: true }

/** What one source asks for. `enabled` is the option `enableDcsDeltas`. */
export class Negotiation {
  readonly #isEnabled: boolean
  #isAccepting = true

  constructor(isEnabled: boolean) {
    this.#isEnabled = isEnabled
  }

  asking(prefersProtobuf: boolean): Asking {
    if (this.#isEnabled) return this.#isAccepting ? deltas : protobuf
    return prefersProtobuf ? protobuf : json
  }

  /** An answer could be used. Differences that are not newer lead nowhere: the whole may. */
  used(headers: Headers.Headers, outcome: Outcome): void {
    this.#isAccepting = outcome._tag !== "NotNewer" || headers["x-deltas-used"] === undefined
  }

  /** An answer could not be used. */
  refused(): void {
    this.#isAccepting = false
  }
}

/** Whether an answer says that it is protobuf. */
export const saysProtobuf = (headers: Headers.Headers): boolean =>
  headers["content-encoding"] === "statsig-br" && headers["content-type"]?.includes("application/octet-stream") === true
