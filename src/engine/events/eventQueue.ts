/**
 * The queue of events, and the account of every logged event: at each moment an event is waiting, sent, or dropped for
 * a stated reason.
 *
 * It is bounded by a number of events and a number of bytes; beyond either the oldest waiting event is dropped. Batches
 * being sent still count as bytes, but not as events.
 */
import type { User } from "../user.js"
import { EventList } from "./eventList.js"
import type { EventText } from "./events.js"
import { sizeOfUser } from "./size.js"

/**
 * Why an event was dropped.
 *
 * - `Invalid`: it cannot be written as JSON
 * - `QueueFull`: newer events needed its space
 * - `TooLarge`: it exceeds the limit of the whole queue, or that of the server
 * - `Refused`: the server rejects it permanently
 * - `Attempts`: its batch used up its retries
 * - `Shutdown`: it was not delivered before shutdown
 * - `Closed`: it was logged after shutdown
 *
 * @since 0.1.0
 */
export type DropReason = "Invalid" | "QueueFull" | "TooLarge" | "Refused" | "Attempts" | "Shutdown" | "Closed"

/** Events that were dropped for the same cause since the last report. */
export interface Drop {
  readonly reason: DropReason
  /** What happened; reported after "events were dropped:". */
  readonly cause: string
  count: number
}

/** Events that are sent together. */
export interface Batch {
  /** While it waits, it loses its oldest events if space is needed. */
  readonly events: EventList
  /** How many attempts failed. */
  readonly attempts: number
  /** In how many of them the server only asked to retry later. */
  readonly postponed: number
  /** Whether it stays as it is: other batches are rebuilt when there are new events. */
  readonly isFull: boolean
  /** Batches that were made or put back later have higher numbers. */
  readonly order: number
}

/** The bounds of a queue. */
export interface QueueBounds {
  /** Events in a batch. */
  readonly batchSize: number
  /** Full batches that may wait. */
  readonly maxBatches: number
  /** Bytes of all events, including those being sent. */
  readonly maxBytes: number
}

/** The bytes of an event in the columns of a list. */
const columnSize = 40

/** The largest batch as a share of all bytes, so that ten batches being sent leave space for waiting events. */
const batchShare = 1 / 16

/** Distinct causes in a report. Further ones are counted with others of the same reason. */
const maxCauses = 20

/** The events that wait, in batches, within bounds of number and bytes. */
export class EventQueue {
  readonly #bounds: QueueBounds
  readonly #capacity: number
  readonly #batchBytes: number
  readonly #fullCause: string
  /** Events that are not in a batch yet. */
  #loose = new EventList()
  #batches: Array<Batch> = []
  /** Events in waiting batches. */
  #batched = 0
  readonly #underway = new Set<Batch>()
  #underwayEvents = 0
  /** Bytes of all events that wait or are being sent. */
  #bytes = 0
  #nextOrder = 0
  /** The user of the last event: consecutive events of one user share it. */
  #lastUser: User | undefined
  #isClosed = false
  #sent = 0
  #dropped = 0
  readonly #droppedBy: { [reason in DropReason]?: number } = {}
  #drops = new Map<string, Drop>()

  constructor(bounds: QueueBounds) {
    this.#bounds = bounds
    this.#capacity = bounds.batchSize * bounds.maxBatches
    this.#batchBytes = bounds.maxBytes * batchShare
    this.#fullCause = `newer ones needed the room, which is for ${this.#capacity} events and ${bounds.maxBytes} bytes`
  }

  // --- the account

  /** Events that wait or are being sent. */
  get pending(): number {
    return this.waiting + this.#underwayEvents
  }

  /** Waiting events. */
  get waiting(): number {
    return this.#loose.length + this.#batched
  }

  /** The approximate bytes of all pending events. */
  get bytes(): number {
    return this.#bytes
  }

  get sent(): number {
    return this.#sent
  }

  get dropped(): number {
    return this.#dropped
  }

  get droppedBy(): Readonly<Partial<Record<DropReason, number>>> {
    return { ...this.#droppedBy }
  }

  get hasDrops(): boolean {
    return this.#drops.size > 0
  }

  /** The events dropped since the last call. */
  takeDrops(): ReadonlyArray<Drop> {
    const drops = [...this.#drops.values()]
    this.#drops = new Map()
    return drops
  }

  #drop(count: number, reason: DropReason, cause: string): void {
    if (count === 0) return
    this.#dropped += count
    this.#droppedBy[reason] = (this.#droppedBy[reason] ?? 0) + count
    const key = this.#drops.has(cause) || this.#drops.size < maxCauses ? cause : reason
    const drop = this.#drops.get(key)
    if (drop === undefined) this.#drops.set(key, { reason, cause, count })
    else drop.count += count
  }

  // --- taking

  /** Adds an event; those of the SDK itself have no user. Returns whether it has filled a batch. */
  push(text: EventText, user: User | undefined, time: number): boolean {
    if (this.#isClosed) {
      this.#drop(1, "Closed", "logged after the SDK was shut down")
      return false
    }
    const size = columnSize + text.size + (user === undefined || user === this.#lastUser ? 0 : sizeOfUser(user))
    const { batchSize, maxBytes } = this.#bounds
    if (size > maxBytes) {
      this.#drop(1, "TooLarge", `larger than the ${maxBytes} bytes that all events together may take`)
      return false
    }
    this.#lastUser = user
    const isNext = this.#loose.length > 0 && this.#loose.bytes + size > this.#batchBytes
    if (isNext) this.#close()
    this.#loose.push(text, user, time, size)
    this.#bytes += size
    const isFull = this.#loose.length >= batchSize || this.#loose.bytes >= this.#batchBytes
    if (isFull) this.#close()
    this.#makeRoom()
    return isNext || isFull
  }

  /** Makes a full batch of the new events. Their users keep no decisions any more: the events may wait for long. */
  #close(): void {
    const events = this.#loose
    events.releaseUsers()
    this.#loose = new EventList()
    this.#batched += events.length
    const place = this.#batches.findIndex(batch => !batch.isFull)
    const batch = { events, attempts: 0, postponed: 0, isFull: true, order: this.#nextOrder++ }
    this.#batches.splice(place < 0 ? this.#batches.length : place, 0, batch)
  }

  /** Counts an event that cannot be accepted. */
  refuse(problem: string): void {
    this.#drop(1, "Invalid", `cannot be logged: ${problem}`)
  }

  /** Terminates: if a bound is exceeded, some event waits, because batches being sent alone are within the bounds. */
  #makeRoom(): void {
    while (this.waiting > this.#capacity || this.#bytes > this.#bounds.maxBytes) this.#dropOldest()
  }

  #dropOldest(): void {
    this.#drop(1, "QueueFull", this.#fullCause)
    const [oldest] = this.#batches
    if (oldest === undefined) {
      this.#bytes -= this.#loose.drop(1)
      return
    }
    this.#bytes -= oldest.events.drop(1)
    this.#batched--
    if (oldest.events.length === 0) this.#batches.shift()
  }

  // --- batches

  /** Whether a batch should be sent as soon as possible; others wait until they are full or have waited long enough. */
  get hasDue(): boolean {
    return this.#batches.some(batch => batch.isFull || batch.attempts > 0)
  }

  /** Whether there is a full batch. */
  get hasFull(): boolean {
    return this.#batches.some(batch => batch.isFull)
  }

  /** The number of the next new batch. */
  get nextOrder(): number {
    return this.#nextOrder
  }

  /** Puts all waiting events into batches: full ones first, then new events, then those of partial batches. */
  gather(): void {
    if (this.#loose.length === 0) return
    const partial = this.#batches.filter(batch => !batch.isFull)
    // Keep the number of the partial batch, so that a pending send includes its events.
    const order = partial[0]?.order ?? this.#nextOrder++
    const loose = this.#loose
    this.#batched += loose.length
    this.#loose = new EventList()
    for (const { events } of partial) loose.pushAll(events)
    const { batchSize } = this.#bounds
    const parts = loose.cut(batchSize, this.#batchBytes)
    const made = parts.map((events, index): Batch => {
      const isFull = index < parts.length - 1 || events.length === batchSize || events.bytes >= this.#batchBytes
      return { events, attempts: 0, postponed: 0, isFull, order }
    })
    this.#batches = [...this.#batches.filter(batch => batch.isFull), ...made]
  }

  /** Whether a batch with a lower number waits. */
  hasBefore(number: number): boolean {
    return this.#batches.some(({ order }) => order < number)
  }

  /** Takes the first batch with a lower number for sending. It is pending until its outcome is reported. */
  take(before = Number.POSITIVE_INFINITY): Batch | undefined {
    const batch = this.#batches.find(({ order }) => order < before)
    if (batch === undefined) return undefined
    this.#batches.splice(this.#batches.indexOf(batch), 1)
    this.#batched -= batch.events.length
    this.#underwayEvents += batch.events.length
    this.#underway.add(batch)
    return batch
  }

  /** Whether a batch is still being sent: all may have been dropped meanwhile. */
  isUnderway(batch: Batch): boolean {
    return this.#underway.has(batch)
  }

  /** Marks a batch as delivered. */
  markSent(batch: Batch): void {
    if (!this.#end(batch)) return
    this.#sent += batch.events.length
    this.#bytes -= batch.events.bytes
    batch.events.clear()
  }

  /** Drops a batch. */
  drop(batch: Batch, reason: DropReason, cause: string): void {
    if (!this.#end(batch)) return
    this.#bytes -= batch.events.bytes
    this.#drop(batch.events.length, reason, cause)
  }

  /** Puts a failed batch behind all others; its oldest events are dropped if newer waiting events need the space. */
  putBack(batch: Batch, isPostponed: boolean): void {
    if (!this.#end(batch)) return
    const { attempts, events, isFull, postponed } = batch
    this.#batches.push({
      events,
      attempts: attempts + 1,
      postponed: postponed + (isPostponed ? 1 : 0),
      isFull,
      order: this.#nextOrder++
    })
    this.#batched += events.length
    const surplus = Math.min(this.waiting - this.#capacity, events.length)
    if (surplus <= 0) return
    this.#bytes -= events.drop(surplus)
    this.#batched -= surplus
    if (events.length === 0) this.#batches.pop()
    this.#drop(surplus, "QueueFull", this.#fullCause)
  }

  /** Splits a batch that is too large for the server; its halves come first. */
  halve(batch: Batch): void {
    if (!this.#end(batch)) return
    const { attempts, events, order, postponed } = batch
    const middle = Math.ceil(events.length / 2)
    const halves = [events.slice(0, middle), events.slice(middle, events.length - middle)]
    this.#batches.unshift(...halves.map(events => ({ events, attempts, postponed, isFull: true, order })))
    this.#batched += events.length
    this.#makeRoom()
  }

  /** Drops all pending events. */
  dropAll(reason: DropReason, cause: string): void {
    this.#drop(this.pending, reason, cause)
    this.#loose = new EventList()
    this.#batches = []
    this.#batched = 0
    this.#underway.clear()
    this.#underwayEvents = 0
    this.#bytes = 0
  }

  /** From now on, drops every new event. */
  close(): void {
    this.#isClosed = true
    this.#lastUser = undefined
  }

  #end(batch: Batch): boolean {
    if (!this.#underway.delete(batch)) return false
    this.#underwayEvents -= batch.events.length
    return true
  }
}
