/**
 * The negotiation of what spec requests ask for: JSON, protobuf, or only the changes (a delta).
 *
 * The official SDK requests the full specs again after an unusable delta, and deltas again after the next usable
 * response.
 */
import type * as Headers from "@effect/platform/Headers"
import type { Outcome } from "../../src/SpecSource.js"

/** The additions to a request. */
export interface Asking {
  readonly headers: Readonly<Record<string, string>>
  readonly query: ReadonlyArray<string>
  /** Whether a delta is requested. */
  readonly deltasUsed: boolean
}

const json: Asking = { headers: { "accept-encoding": "gzip, br" }, query: [], deltasUsed: false }

const protobuf: Asking = {
  headers: { "accept-encoding": "statsig-br, gzip, br", "statsig-supports-proto": "true" },
  query: ["supports_proto=true"],
  deltasUsed: false
}

const deltas: Asking = { ...protobuf, query: [...protobuf.query, "accept_deltas=true"], deltasUsed: true }

/** The requests of one source. `enabled` is the option `enableDcsDeltas`. */
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

  /** A response was usable. A delta that is not newer leads nowhere: the full specs may. */
  used(headers: Headers.Headers, outcome: Outcome): void {
    this.#isAccepting = outcome._tag !== "NotNewer" || headers["x-deltas-used"] === undefined
  }

  /** A response was not usable. */
  refused(): void {
    this.#isAccepting = false
  }
}

/** Whether a response declares that it is protobuf. */
export const saysProtobuf = (headers: Headers.Headers): boolean =>
  headers["content-encoding"] === "statsig-br" && headers["content-type"]?.includes("application/octet-stream") === true
