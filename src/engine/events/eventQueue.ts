/**
 * The queue of events, and the account of every event that was logged: at each moment an event waits, or was sent, or was
 * dropped, and a dropped one has a reason.
 *
 * Its bounds are a number of events and a number of bytes; beyond either the oldest event that waits makes room. Batches
 * that are being sent still count as bytes, and not as events.
 */
import type { User } from "../user.js"
import { EventList } from "./eventList.js"
import type { EventText } from "./events.js"
import { sizeOfUser } from "./size.js"

/**
 * Why an event was given up.
 *
 * - `Invalid`: it cannot be written as JSON
 * - `QueueFull`: newer events needed its room
 * - `TooLarge`: it is larger than the whole queue may be, or than the server takes
 * - `Refused`: the server refuses it for good
 * - `Attempts`: its batch failed as often as a batch may
 * - `Shutdown`: it was not delivered before the end
 * - `Closed`: it was logged after the end
 *
 * @since 0.1.0
 */
export type DropReason = "Invalid" | "QueueFull" | "TooLarge" | "Refused" | "Attempts" | "Shutdown" | "Closed"

/** Events that were dropped for the same cause since the last report. */
export interface Drop {
  readonly reason: DropReason
  /** What happened, to be read behind "events were dropped:". */
  readonly cause: string
  count: number
}

/** Events that are sent together. */
export interface Batch {
  /** Loses its oldest where there is no room, for as long as it waits. */
  readonly events: EventList
  /** How often it was sent in vain. */
  readonly attempts: number
  /** How many of these times the server only asked to send it later. */
  readonly postponed: number
  /** Whether it stays as it is: others are put together anew when there are new events. */
  readonly isFull: boolean
  /** Batches that were made, or put back, later have higher numbers. */
  readonly order: number
}

/** What a queue may hold. */
export interface QueueBounds {
  /** Events in a batch. */
  readonly batchSize: number
  /** Full batches that wait. */
  readonly maxBatches: number
  /** Bytes of all events, those that are being sent too. */
  readonly maxBytes: number
}

/** What an event takes in the columns of a list, in bytes. */
const columnSize = 40

/** A batch takes no more than this part of the bytes, so that ten on their way leave room for what waits. */
const batchShare = 1 / 16

/** Causes that are told apart in a report. Others of the same reason are counted along with them. */
const maxCauses = 20

export class EventQueue {
  readonly #bounds: QueueBounds
  readonly #capacity: number
  readonly #batchBytes: number
  readonly #fullCause: string
  /** Events that are in no batch yet. */
  #loose = new EventList()
  #batches: Array<Batch> = []
  /** Events in batches that wait. */
  #batched = 0
  readonly #underway = new Set<Batch>()
  #underwayEvents = 0
  /** Of all events that wait or are being sent. */
  #bytes = 0
  #nextOrder = 0
  /** The user of the last event: several of one user hold it together. */
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

  /** Events that wait. */
  get waiting(): number {
    return this.#loose.length + this.#batched
  }

  /** Of all events that are pending, about. */
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

  /** What was dropped since the last call. */
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

  /** Takes an event; those of the SDK itself have no user. Gives whether a batch has become full by it. */
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
    const before = this.#loose.bytes
    this.#loose.push(text, user, time, size)
    this.#bytes += size
    this.#makeRoom()
    return (
      this.#loose.length % batchSize === 0 ||
      Math.floor(before / this.#batchBytes) < Math.floor(this.#loose.bytes / this.#batchBytes)
    )
  }

  /** Counts an event that cannot be taken. */
  refuse(problem: string): void {
    this.#drop(1, "Invalid", `cannot be logged: ${problem}`)
  }

  /** Something waits whenever there is too much: the bytes of batches under way were within the bound before. */
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

  /** Whether a batch is to leave as soon as the server takes it; others wait until they have filled up, or for long. */
  get hasDue(): boolean {
    return (
      this.#loose.length >= this.#bounds.batchSize ||
      this.#loose.bytes >= this.#batchBytes ||
      this.#batches.some(batch => batch.isFull || batch.attempts > 0)
    )
  }

  /** Whether there is a whole batch. */
  get hasFull(): boolean {
    return this.#loose.length >= this.#bounds.batchSize || this.#batches.some(batch => batch.isFull)
  }

  /** The number of the batches that are made from now on. */
  get nextOrder(): number {
    return this.#nextOrder
  }

  /** Puts everything that waits into batches: full ones first, then what is new, then what partial ones held. */
  gather(): void {
    if (this.#loose.length === 0) return
    const partial = this.#batches.filter(batch => !batch.isFull)
    // Whoever means to send a batch sends what has become of it.
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

  /** Takes the first of the batches with a lower number, to be sent. It is pending until its outcome is told. */
  take(before = Number.POSITIVE_INFINITY): Batch | undefined {
    const batch = this.#batches.find(({ order }) => order < before)
    if (batch === undefined) return undefined
    this.#batches.splice(this.#batches.indexOf(batch), 1)
    this.#batched -= batch.events.length
    this.#underwayEvents += batch.events.length
    this.#underway.add(batch)
    return batch
  }

  /** Whether a batch is still being sent: all may have been given up meanwhile. */
  isUnderway(batch: Batch): boolean {
    return this.#underway.has(batch)
  }

  /** A batch has arrived. */
  markSent(batch: Batch): void {
    if (!this.#end(batch)) return
    this.#sent += batch.events.length
    this.#bytes -= batch.events.bytes
  }

  /** A batch is given up. */
  drop(batch: Batch, reason: DropReason, cause: string): void {
    if (!this.#end(batch)) return
    this.#bytes -= batch.events.bytes
    this.#drop(batch.events.length, reason, cause)
  }

  /** A batch has failed and is put behind all others; its oldest events make room for what waits, which is newer. */
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

  /** A batch is too large for the server: its halves come first of all. */
  halve(batch: Batch): void {
    if (!this.#end(batch)) return
    const { attempts, events, order, postponed } = batch
    const middle = Math.ceil(events.length / 2)
    const halves = [events.slice(0, middle), events.slice(middle, events.length - middle)]
    this.#batches.unshift(...halves.map(events => ({ events, attempts, postponed, isFull: true, order })))
    this.#batched += events.length
    this.#makeRoom()
  }

  /** Gives up everything that is pending. */
  dropAll(reason: DropReason, cause: string): void {
    this.#drop(this.pending, reason, cause)
    this.#loose = new EventList()
    this.#batches = []
    this.#batched = 0
    this.#underway.clear()
    this.#underwayEvents = 0
    this.#bytes = 0
  }

  /** Drops, from now on, every event that is offered. */
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
