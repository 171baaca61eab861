/**
 * Writes the bodies of batches: one after the other, each in several turns of the event loop, and in memory that is used
 * again.
 */
import * as Exit from "effect/Exit"
import { type EventList, EventWriter } from "../../../src/engine/events/eventList.js"
import { wellFormedJson } from "../../../src/engine/json.js"
import type { User } from "../../../src/engine/user.js"
import { inNextTurn } from "../../../src/internal/eventLoop.js"

/** Bytes that are written before yielding to the event loop. */
const bytesPerTurn = 1 << 19
/** Bytes beyond the estimate of a body. */
const spare = 1 << 16
/** The largest memory allocated for a body before anything is written, and kept for the next one. */
const largestGuess = 1 << 22
/** Writers kept for reuse. Full batches follow each other; more than two are rarely sent at once. */
const mostIdle = 2

export class Bodies {
  /** Bodies to be written; the first one is being written. */
  readonly #orders: Array<() => void> = []
  readonly #idle: Array<EventWriter> = []
  /** The size of an event in bytes, estimated from the last batch. */
  #eventSize = 1_000

  constructor(private readonly loggedUser: (user: User) => string) {}

  /** Calls `done` with the writer that has the body, or with what went wrong, in a later turn of the event loop. */
  write(events: EventList, metadata: () => object, done: (written: Exit.Exit<EventWriter>) => void): void {
    this.#orders.push(() => {
      const guess = Math.min(spare + this.#eventSize * events.length, largestGuess)
      const writer = this.#idle.pop() ?? new EventWriter(guess, this.loggedUser)
      let index = 0
      const writeSome = (): void => {
        const end = writer.length + bytesPerTurn
        let written: Exit.Exit<EventWriter> = Exit.succeed(writer)
        try {
          if (index === 0) writer.appendText('{"events":[')
          while (index < events.length && writer.length < end) events.write(index++, writer)
          if (index < events.length) {
            inNextTurn(writeSome)
            return
          }
          this.#eventSize = Math.ceil(writer.length / events.length)
          writer.appendText(wellFormedJson(`],"statsigMetadata":${JSON.stringify(metadata())}}`))
        } catch (defect) {
          written = Exit.die(defect)
        }
        this.#orders.shift()
        this.#writeNext()
        done(written)
      }
      writeSome()
    })
    if (this.#orders.length === 1) this.#writeNext()
  }

  #writeNext(): void {
    const [next] = this.#orders
    if (next !== undefined) inNextTurn(next)
  }

  /** The memory of a full batch, a megabyte, is used again: new memory for each keeps the garbage collector busy. */
  release(writer: EventWriter): void {
    writer.clear()
    if (writer.capacity <= largestGuess && this.#idle.length < mostIdle) this.#idle.push(writer)
  }
}
