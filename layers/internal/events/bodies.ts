/**
 * The bodies of batches, written in several turns of the event loop.
 */
import * as Effect from "effect/Effect"
import { type EventList, EventWriter } from "../../../src/engine/events/eventList.js"
import { wellFormedJson } from "../../../src/engine/json.js"
import type { User } from "../../../src/engine/user.js"
import { yieldToEventLoop } from "../../../src/internal/eventLoop.js"
import type { EventSinkError } from "../../../src/StatsigError.js"

/** Where bodies go. */
interface BodySink {
  /** Whether nobody reads a body once it is sent. */
  readonly releasesBody: boolean
  readonly send: (body: Uint8Array) => Effect.Effect<void, EventSinkError>
}

/** Bytes that are written before yielding to the event loop. */
const eventsPerTurn = 1 << 17
/** The largest memory allocated for a body before anything is written, and kept for the next one. */
const largestGuess = 1 << 22
/** Writers kept for reuse. Full batches follow each other; more than two are rarely written at once. */
const mostIdle = 2

export class Bodies {
  /** The size of an event in bytes, estimated from the last batch. */
  #eventSize = 1_000
  readonly #idle: Array<EventWriter> = []

  /** `loggedUser` returns the logged form of a user. */
  constructor(private readonly loggedUser: (user: User) => string) {}

  /**
   * Writes the body of a batch and sends it. If the sink releases bodies, the memory is reused afterwards: new memory
   * for each full batch, a megabyte, would keep the garbage collector busy.
   */
  send(events: EventList, metadata: () => object, { releasesBody, send }: BodySink): ReturnType<BodySink["send"]> {
    return Effect.suspend(() => {
      const writer = this.#idle.pop() ?? new EventWriter(this.#guess(events), this.loggedUser)
      const release = Effect.sync(() => {
        writer.clear()
        if (writer.capacity <= largestGuess && this.#idle.length < mostIdle) this.#idle.push(writer)
      })
      const sent = Effect.flatMap(this.#write(writer, events, metadata), send)
      return releasesBody ? Effect.ensuring(sent, release) : sent
    })
  }

  #guess(events: EventList): number {
    return Math.min(eventsPerTurn + this.#eventSize * events.length, largestGuess)
  }

  #write(body: EventWriter, events: EventList, metadata: () => object): Effect.Effect<Uint8Array> {
    return Effect.gen(this, function* () {
      body.appendText('{"events":[')
      let written = 0
      for (let index = 0; index < events.length; index++) {
        events.write(index, body)
        if (body.length - written < eventsPerTurn) continue
        written = body.length
        yield* yieldToEventLoop
      }
      this.#eventSize = Math.ceil(body.length / events.length)
      body.appendText(wellFormedJson(`],"statsigMetadata":${JSON.stringify(metadata())}}`))
      return body.bytes
    })
  }
}
