/**
 * Events that wait, and the way they are written.
 */

import { ByteBuffer, bytesOf } from "../byteBuffer.js"
import type { User } from "../user.js"
import { type EventText, wellFormedJson } from "./events.js"

/**
 * Events in the order in which they came.
 *
 * Hundreds of thousands may wait, each longer than the garbage collector likes an object to live. So there are none for
 * the events, but a column for each of their parts.
 */
export class EventList {
  #texts: Array<EventText | undefined> = []
  #users: Array<User | undefined> = []
  #times: Array<number> = []
  /** Events before this one were dropped. */
  #start = 0

  get length(): number {
    return this.#texts.length - this.#start
  }

  /** Events of the SDK itself have no user. */
  push(text: EventText, user: User | undefined, time: number): void {
    this.#texts.push(text)
    this.#users.push(user)
    this.#times.push(time)
  }

  pushAll(events: EventList): void {
    for (let index = events.#start; index < events.#texts.length; index++) {
      this.push(events.#texts[index]!, events.#users[index], events.#times[index]!)
    }
  }

  /** Drops the oldest. */
  drop(count: number): void {
    const end = this.#start + count
    for (let index = this.#start; index < end; index++) {
      this.#texts[index] = undefined
      this.#users[index] = undefined
    }
    this.#start = end
    if (2 * end < this.#texts.length) return
    this.#texts = this.#texts.slice(end)
    this.#users = this.#users.slice(end)
    this.#times = this.#times.slice(end)
    this.#start = 0
  }

  /** A list of the events from one on, and of no more than so many. */
  slice(from: number, count: number): EventList {
    const start = this.#start + from
    const part = new EventList()
    part.#texts = this.#texts.slice(start, start + count)
    part.#users = this.#users.slice(start, start + count)
    part.#times = this.#times.slice(start, start + count)
    return part
  }

  /** Writes an event. */
  write(index: number, writer: EventWriter): void {
    const at = this.#start + index
    writer.write(this.#texts[at]!, this.#users[at], this.#times[at]!)
  }
}

const comma = bytesOf(",")
const nobody = bytesOf("{}")

/** Where a user stands. */
interface Span {
  readonly start: number
  readonly end: number
}

/** Writes events one behind the other, with commas between. Each user is written once; further events copy it. */
export class EventWriter extends ByteBuffer {
  readonly #loggedUser: (user: User) => string
  readonly #users = new Map<User, Span>()
  #isFirst = true
  #time: number | undefined
  #timeBytes = bytesOf("")

  /** `loggedUser` gives the logged form of a user. */
  constructor(size: number, loggedUser: (user: User) => string) {
    super(size)
    this.#loggedUser = loggedUser
  }

  write(text: EventText, user: User | undefined, time: number): void {
    if (this.#isFirst) this.#isFirst = false
    else this.append(comma)
    text.writeHead(this)
    if (user === undefined) this.append(nobody)
    else this.#writeUser(user)
    if (time !== this.#time) {
      this.#time = time
      this.#timeBytes = bytesOf(`,"time":${time}`)
    }
    this.append(this.#timeBytes)
    text.writeTail(this)
  }

  #writeUser(user: User): void {
    const known = this.#users.get(user)
    if (known !== undefined) {
      this.repeat(known.start, known.end)
      return
    }
    const start = this.length
    this.appendText(wellFormedJson(this.#loggedUser(user)))
    this.#users.set(user, { start, end: this.length })
  }
}
