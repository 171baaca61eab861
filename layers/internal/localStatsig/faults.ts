/**
 * The scripted faults of a local Statsig.
 */
import type { Socket } from "node:net"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { answerJson, corruptBody, type Encoding, jsonHeaders, type ServedAnswer } from "./answers.js"
import type { Endpoint } from "./requests.js"

/**
 * The target of a fault: an endpoint, or the file of one ID list by the list's name.
 *
 * @since 0.1.0
 */
export type FaultTarget = Endpoint | `idListFile:${string}`

/**
 * One fault. A `Reply`, and faults at the head, do not process the request: its events are not stored. The others
 * process it and then spoil the response.
 *
 * - `Reply`: this response instead of the normal one: an error, garbage, an old payload. Status 200, empty body and
 *   `application/json` by default
 * - `Headers`: the normal response with other or more headers
 * - `Encoding`: the normal response in this encoding, regardless of what the client accepts; when `corrupt`, all but
 *   its first 2 bytes are overwritten
 * - `Delay`: processes and responds later, by the `Clock` of the layer
 * - `Stall`, `Reset`, `Close`: nothing more is sent, the connection is reset, or it is closed normally. This happens at
 *   the head, before anything is sent, or `at: "body"`: after a head that promises the whole body, and half of it
 *
 * @since 0.1.0
 */
export type Fault = Data.TaggedEnum<{
  Reply: {
    readonly status?: number
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string | Uint8Array
  }
  Headers: { readonly headers: Readonly<Record<string, string>> }
  Encoding: { readonly encoding: Encoding; readonly corrupt?: boolean }
  Delay: { readonly duration: Duration.DurationInput }
  Stall: { readonly at?: "head" | "body" }
  Reset: { readonly at?: "head" | "body" }
  Close: { readonly at?: "head" | "body" }
}>

/**
 * The constructors of faults: `Fault.Reply({ status: 503 })`, `Fault.Stall({})`.
 *
 * @since 0.1.0
 */
export const Fault = Data.taggedEnum<Fault>()

/** The socket behind a request; `undefined` where it cannot be reset. */
export const rawSocket = (request: HttpServerRequest.HttpServerRequest): Socket | undefined => {
  const { socket } = request.source as { readonly socket?: Socket }
  return typeof socket?.resetAndDestroy === "function" ? socket : undefined
}

/** Writes the head, which announces the whole body, and half of the body. */
const writeHalf = (socket: Socket, { body, headers, status }: ServedAnswer, written: () => void) => {
  const fields = Object.entries({ ...headers, "content-length": body.length })
  socket.write(`HTTP/1.1 ${status} \r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`)
  socket.write(body.subarray(0, body.length >> 1), written)
}

const connectionFaults: Readonly<Record<"Stall" | "Reset" | "Close", (socket: Socket) => void>> = {
  Stall: () => {},
  Reset: socket => socket.resetAndDestroy(),
  Close: socket => socket.end()
}

export class FaultScript {
  readonly #faults = new Map<FaultTarget, { readonly queued: Array<Fault>; lasting: Fault | undefined }>()

  next(target: FaultTarget, faults: ReadonlyArray<Fault>): void {
    this.#at(target).queued.push(...faults)
  }

  always(target: FaultTarget, fault: Fault): void {
    this.#at(target).lasting = fault
  }

  clear(target: FaultTarget | undefined): void {
    if (target === undefined) this.#faults.clear()
    else this.#faults.delete(target)
  }

  /** The fault of a request: a queued one for the first target that has one, before lasting ones. */
  take(targets: ReadonlyArray<FaultTarget>): Fault | undefined {
    const known = targets.map(target => this.#at(target))
    const queued = known.find(({ queued }) => queued.length > 0)?.queued.shift()
    return queued ?? known.find(({ lasting }) => lasting !== undefined)?.lasting
  }

  #at(target: FaultTarget) {
    const known = this.#faults.get(target) ?? { queued: [], lasting: undefined }
    this.#faults.set(target, known)
    return known
  }
}

/** Holds the client until it disconnects or the server closes. */
const holdBack = (socket: Socket | undefined, closing: Effect.Effect<void>): Effect.Effect<ServedAnswer> =>
  Effect.map(closing, () => {
    socket?.destroy()
    return answerJson(503, { error: "closing" })
  })

/** Cuts a connection as a normal response cannot. */
const cutOff = (
  socket: Socket | undefined,
  closing: Effect.Effect<void>,
  how: (socket: Socket) => void
): Effect.Effect<ServedAnswer> =>
  Effect.suspend(() => {
    if (socket === undefined) return Effect.succeed(answerJson(501, { error: "this fault needs a node:http socket" }))
    how(socket)
    return holdBack(socket, closing)
  })

/** Applies the fault to a response. `closing`: ends when the server closes. */
export const spoil = (
  fault: Fault | undefined,
  normal: Effect.Effect<ServedAnswer>,
  socket: Socket | undefined,
  closing: Effect.Effect<void>
): Effect.Effect<ServedAnswer> => {
  switch (fault?._tag) {
    case undefined:
      return normal
    case "Reply":
      return Effect.succeed({
        status: fault.status ?? 200,
        headers: { ...jsonHeaders, ...fault.headers },
        body: typeof fault.body === "string" ? Buffer.from(fault.body) : (fault.body ?? new Uint8Array())
      })
    case "Headers":
      return Effect.map(normal, answer => ({ ...answer, headers: { ...answer.headers, ...fault.headers } }))
    case "Encoding":
      return fault.corrupt === true ? Effect.map(normal, corruptBody) : normal
    case "Delay":
      return Effect.andThen(Effect.raceFirst(Effect.sleep(fault.duration), closing), normal)
    case "Stall":
    case "Reset":
    case "Close": {
      const end = connectionFaults[fault._tag]
      if (fault.at === "body") {
        return Effect.flatMap(normal, answer =>
          cutOff(socket, closing, socket => writeHalf(socket, answer, () => end(socket)))
        )
      }
      return fault._tag === "Stall" ? holdBack(socket, closing) : cutOff(socket, closing, end)
    }
  }
}
