/**
 * Waiting events, and how they are written.
 */

import { ByteBuffer, bytesOf } from "../byteBuffer.js"
import { wellFormedJson } from "../json.js"
import type { User } from "../user.js"
import type { EventText } from "./events.js"

/** A number of a column; all columns are as long as the list. */
const at = (column: ReadonlyArray<number>, index: number): number => column[index] as number

/**
 * Events in the order of arrival.
 *
 * Hundreds of thousands may wait, longer than the garbage collector expects objects to live. So there is no object per
 * event, but a column for each part of an event.
 */
export class EventList {
  #texts: Array<EventText | undefined> = []
  #users: Array<User | undefined> = []
  #times: Array<number> = []
  #sizes: Array<number> = []
  #bytes = 0
  /** Events before this one were dropped. */
  #start = 0

  get length(): number {
    return this.#texts.length - this.#start
  }

  /** The approximate memory of its events, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Events of the SDK itself have no user. `size` is in bytes. */
  push(text: EventText, user: User | undefined, time: number, size: number): void {
    this.#texts.push(text)
    this.#users.push(user)
    this.#times.push(time)
    this.#sizes.push(size)
    this.#bytes += size
  }

  /** The users drop their decisions. */
  releaseUsers(): void {
    for (let index = this.#start; index < this.#users.length; index++) {
      const user = this.#users[index]
      if (user !== undefined) user.decisions = undefined
    }
  }

  /** Lets go of the events: what an old object refers to, even if it is garbage by then, grows old as well. */
  clear(): void {
    this.#texts = []
    this.#users = []
    this.#times = []
    this.#sizes = []
    this.#bytes = 0
    this.#start = 0
  }

  pushAll(events: EventList): void {
    for (let index = events.#start; index < events.#texts.length; index++) {
      const text = events.#texts[index]
      if (text !== undefined) this.push(text, events.#users[index], at(events.#times, index), at(events.#sizes, index))
    }
  }

  /** Drops the oldest events. Returns their size. */
  drop(count: number): number {
    const end = this.#start + count
    let size = 0
    for (let index = this.#start; index < end; index++) {
      this.#texts[index] = undefined
      this.#users[index] = undefined
      size += at(this.#sizes, index)
    }
    this.#start = end
    this.#bytes -= size
    if (2 * end < this.#texts.length) return size
    this.#texts = this.#texts.slice(end)
    this.#users = this.#users.slice(end)
    this.#times = this.#times.slice(end)
    this.#sizes = this.#sizes.slice(end)
    this.#start = 0
    return size
  }

  /** A list of at most `count` events, beginning at `from`. */
  slice(from: number, count: number): EventList {
    const start = this.#start + from
    const end = start + count
    const part = new EventList()
    part.#texts = this.#texts.slice(start, end)
    part.#users = this.#users.slice(start, end)
    part.#times = this.#times.slice(start, end)
    part.#sizes = this.#sizes.slice(start, end)
    part.#bytes = part.#sizes.reduce((sum, size) => sum + size, 0)
    return part
  }

  /** Splits the events into parts within both limits; an event over the byte limit is a part of its own. */
  cut(count: number, bytes: number): Array<EventList> {
    const parts: Array<EventList> = []
    let from = 0
    let size = 0
    for (let index = 0; index < this.length; index++) {
      const next = at(this.#sizes, this.#start + index)
      if (index > from && (index - from === count || size + next > bytes)) {
        parts.push(this.slice(from, index - from))
        from = index
        size = 0
      }
      size += next
    }
    if (from < this.length) parts.push(this.slice(from, this.length - from))
    return parts
  }

  /** Writes an event. */
  write(index: number, writer: EventWriter): void {
    const place = this.#start + index
    const text = this.#texts[place]
    if (text !== undefined) writer.write(text, this.#users[place], at(this.#times, place))
  }
}

const commaByte = bytesOf(",")
const nobody = bytesOf("{}")

/** Where a user was written: in which body, and from where to where. */
interface Span {
  readonly body: number
  readonly start: number
  readonly end: number
}

/** Numbers bodies, in the whole process. */
let bodies = 0

/** Writes events one after the other, separated by commas. Each user is written once; further events copy it. */
export class EventWriter extends ByteBuffer {
  readonly #loggedUser: (user: User) => string
  #body = ++bodies
  #isFirst = true
  #time: number | undefined
  #timeBytes = bytesOf("")

  /** `loggedUser` returns the logged form of a user. */
  constructor(size: number, loggedUser: (user: User) => string) {
    super(size)
    this.#loggedUser = loggedUser
  }

  /** @internal */
  override clear(): void {
    super.clear()
    this.#body = ++bodies
    this.#isFirst = true
  }

  write(text: EventText, user: User | undefined, time: number): void {
    if (this.#isFirst) this.#isFirst = false
    else this.append(commaByte)
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

  /**
   * The user knows where it was written: a map of users would be old when they are young, and what an old object refers
   * to, even if it is garbage by then, grows old as well.
   */
  #writeUser(user: User): void {
    const written = user.written as Span | undefined
    if (written?.body === this.#body) {
      this.repeat(written.start, written.end)
      return
    }
    const start = this.length
    this.appendText(wellFormedJson(this.#loggedUser(user)))
    user.written = { body: this.#body, start, end: this.length } satisfies Span
  }
}
