/**
 * The bodies of batches, written in several turns of the event loop.
 */
import * as Effect from "effect/Effect"
import { type EventList, EventWriter } from "../../../src/engine/events/eventList.js"
import { wellFormedJson } from "../../../src/engine/json.js"
import type { User } from "../../../src/engine/user.js"
import { yieldToEventLoop } from "../../../src/internal/eventLoop.js"

/** Bytes that are written before yielding to the event loop. */
const eventsPerTurn = 1 << 17
/** The largest memory allocated for a body before anything is written. */
const largestGuess = 1 << 22

/** @internal */
export class Bodies {
  /** The size of an event in bytes, estimated from the last batch. */
  #eventSize = 1_000

  /** `loggedUser` returns the logged form of a user. */
  constructor(private readonly loggedUser: (user: User) => string) {}

  write(events: EventList, metadata: () => object): Effect.Effect<Uint8Array> {
    return Effect.gen(this, function* () {
      const guess = Math.min(eventsPerTurn + this.#eventSize * events.length, largestGuess)
      const body = new EventWriter(guess, this.loggedUser)
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
