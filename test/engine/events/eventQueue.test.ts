import { assert, describe, it } from "@effect/vitest"
import { type Batch, EventQueue, type QueueBounds } from "../../../src/engine/events/eventQueue.js"
import { customText } from "../../../src/engine/events/events.js"
import { User } from "../../../src/engine/user.js"
import { Random } from "../../conformance/support/random.js"

const bounds: QueueBounds = { batchSize: 10, maxBatches: 3, maxBytes: 20_000 }
const user = new User({ userID: "u" })

const push = (queue: EventQueue, count: number, letters = 1, of = user) => {
  for (let index = 0; index < count; index++) queue.push(customText("e", "x".repeat(letters), null), of, 0)
}

const takeAll = (queue: EventQueue): Array<Batch> => {
  queue.gather()
  const batches: Array<Batch> = []
  for (let batch = queue.take(); batch !== undefined; batch = queue.take()) batches.push(batch)
  return batches
}

const sizes = (batches: ReadonlyArray<Batch>) => batches.map(({ events }) => events.length)

describe("EventQueue", () => {
  it("accounts for every event and stays within its bounds, whatever happens", () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = new Random(seed)
      const queue = new EventQueue(bounds)
      const underway: Array<Batch> = []
      let offered = 0
      let reported = 0
      const actions: ReadonlyArray<() => void> = [
        () => {
          const count = random.below(25)
          const of =
            random.below(2) === 0 ? user : new User({ userID: "v", custom: { text: "y".repeat(random.below(900)) } })
          push(queue, count, random.below(20) === 0 ? random.below(30_000) : random.below(300), of)
          offered += count
        },
        () => {
          queue.refuse(`problem ${random.below(40)}`)
          offered++
        },
        () => queue.gather(),
        () => {
          const batch = queue.take(random.below(2) === 0 ? undefined : queue.nextOrder)
          if (batch !== undefined) underway.push(batch)
        },
        () => {
          const batch = underway.splice(random.below(underway.length || 1), 1)[0]
          if (batch === undefined) return
          const outcome = random.below(5)
          if (outcome === 0) queue.drop(batch, "Refused", "refused")
          else if (outcome === 1) queue.putBack(batch, random.below(2) === 0)
          else if (outcome === 2 && batch.events.length > 1) queue.halve(batch)
          else queue.markSent(batch)
          // A second outcome of the same batch changes nothing.
          queue.markSent(batch)
        },
        () => {
          if (random.below(10) === 0) queue.dropAll("Shutdown", "over")
        },
        () => {
          reported += queue.takeDrops().reduce((sum, { count }) => sum + count, 0)
        }
      ]
      for (let step = 0; step < 150; step++) {
        actions[random.below(actions.length)]?.()
        assert.strictEqual(queue.pending + queue.sent + queue.dropped, offered, `seed ${seed}, step ${step}`)
        assert.isAtMost(queue.bytes, bounds.maxBytes, `seed ${seed}, step ${step}`)
        assert.isAtMost(queue.waiting, bounds.batchSize * bounds.maxBatches, `seed ${seed}, step ${step}`)
        if (queue.pending === 0) assert.strictEqual(queue.bytes, 0, `seed ${seed}, step ${step}`)
      }
      const byReason = Object.values(queue.droppedBy).reduce((sum, count) => sum + count, 0)
      assert.strictEqual(byReason, queue.dropped)
      reported += queue.takeDrops().reduce((sum, { count }) => sum + count, 0)
      assert.strictEqual(reported, queue.dropped)
      queue.dropAll("Shutdown", "over")
      queue.close()
      push(queue, 7)
      assert.deepStrictEqual([queue.pending, queue.droppedBy.Closed], [0, 7])
    }
  })

  it("drops the oldest to make room for a large event, and drops a single event larger than the whole bound", () => {
    const queue = new EventQueue(bounds)
    push(queue, 10, 300)
    push(queue, 1, 15_000)
    assert.isBelow(queue.pending, 11)
    assert.isAtLeast(queue.pending, 2)
    const { pending } = queue
    push(queue, 1, 20_001)
    assert.strictEqual(queue.pending, pending)
    assert.strictEqual(queue.droppedBy.TooLarge, 1)
    assert.strictEqual(queue.droppedBy.QueueFull, 11 - pending)
  })

  it("counts the size of users that wait with their exposures, once for consecutive events", () => {
    const queue = new EventQueue({ ...bounds, maxBatches: 1_000 })
    const large = () => new User({ userID: "u", privateAttributes: { text: "x".repeat(3_000) } })
    push(queue, 5, 1, large())
    assert.strictEqual(queue.dropped, 0)
    for (let index = 0; index < 20; index++) push(queue, 1, 1, large())
    assert.isAbove(queue.dropped, 10)
  })

  it("limits batches by their bytes too, and reports when one has become full", () => {
    const queue = new EventQueue({ batchSize: 1_000, maxBatches: 10, maxBytes: 160_000 })
    const text = customText("e", "x".repeat(2_400), null)
    const filled = Array.from({ length: 12 }, () => queue.push(text, undefined, 0))
    assert.deepStrictEqual(
      filled.flatMap((isFull, index) => (isFull ? [index] : [])),
      // The next event begins a new batch.
      [3, 6, 9]
    )
    assert.deepStrictEqual(sizes(takeAll(queue)), [3, 3, 3, 3])
  })

  it("sends the halves of a batch first, and never joins them again", () => {
    const queue = new EventQueue({ ...bounds, maxBytes: 1_000_000 })
    push(queue, 9)
    queue.gather()
    const end = queue.nextOrder
    const batch = queue.take()!
    push(queue, 10)
    queue.gather()
    queue.halve(batch)
    push(queue, 1)
    queue.gather()
    assert.deepStrictEqual(sizes([queue.take(end)!, queue.take(end)!]), [5, 4])
    assert.isUndefined(queue.take(end))
    assert.deepStrictEqual(sizes(takeAll(queue)), [10, 1])
  })
})
