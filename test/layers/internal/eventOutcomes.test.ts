import { assert, describe, it } from "@effect/vitest"
import { Outcomes, Retries } from "../../../layers/internal/events/outcomes.js"
import { type Batch, EventQueue } from "../../../src/engine/events/eventQueue.js"
import { customText } from "../../../src/engine/events/events.js"
import { EventSinkError } from "../../../src/StatsigError.js"

const failure = (input: Partial<ConstructorParameters<typeof EventSinkError>[0]> = {}) =>
  new EventSinkError({ reason: "Status", message: "no", retryable: true, status: 503, ...input })

const setUp = (events = 1) => {
  let time = 10_000
  const queue = new EventQueue({ batchSize: 10, maxBatches: 3, maxBytes: 1_048_576 })
  const retries = new Retries(() => time)
  const outcomes = new Outcomes(queue, retries, () => {})
  for (let index = 0; index < events; index++) queue.push(customText("e", null, null), undefined, 0)
  const take = (): Batch => {
    queue.gather()
    return queue.take()!
  }
  const wait = (millis: number) => {
    time += millis
  }
  return { queue, retries, outcomes, take, wait }
}

describe("Retries", () => {
  it("doubles the pause with each wave of failures, up to a minute, until a success", () => {
    const { retries, wait } = setUp()
    const pauses: Array<number> = []
    for (let wave = 0; wave < 8; wave++) {
      const sentIn = retries.wave
      // Failures of one wave count as one.
      retries.failed(sentIn, undefined)
      retries.failed(sentIn, undefined)
      pauses.push(retries.pause)
      assert.isAbove(retries.pause, 0)
      wait(retries.pause)
      assert.strictEqual(retries.pause, 0)
      assert.isFalse(retries.isOpen)
    }
    assert.deepStrictEqual(pauses, [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
    retries.succeeded()
    assert.isTrue(retries.isOpen)
    assert.strictEqual(retries.interval, 1_000)
  })

  it("waits as the server asks, at least a second, even if a batch arrives in between", () => {
    const { retries, wait } = setUp()
    retries.setDeadline(5_000)
    retries.failed(retries.wave, 10)
    assert.strictEqual(retries.heldFor, 1_000)
    assert.isFalse(retries.isHeldTooLong)
    retries.failed(retries.wave, 6_000)
    assert.isTrue(retries.isHeldTooLong)
    retries.succeeded()
    assert.strictEqual(retries.pause, 6_000)
    wait(6_000)
    assert.isTrue(retries.isOpen)
  })
})

describe("Outcomes", () => {
  it("gives a batch six attempts, not counting a 429", () => {
    const { outcomes, queue, retries, take } = setUp()
    for (let attempt = 1; attempt < 6; attempt++) {
      assert.isUndefined(outcomes.settleFailed(take(), "limit", failure(), retries.wave))
      assert.isUndefined(outcomes.settleFailed(take(), "limit", failure({ status: 429 }), retries.wave))
    }
    const last = failure()
    assert.strictEqual(outcomes.settleFailed(take(), "limit", last, retries.wave), last)
    assert.strictEqual(outcomes.lastError, last)
    assert.deepStrictEqual(queue.droppedBy, { Attempts: 1 })
  })

  it("halves a batch that is too large, without a pause, and drops a single event", () => {
    const { outcomes, queue, retries, take } = setUp(2)
    const tooLarge = failure({ status: 413, retryable: false })
    assert.isUndefined(outcomes.settleFailed(take(), "limit", tooLarge, retries.wave))
    assert.strictEqual(queue.waiting, 2)
    assert.isDefined(outcomes.settleFailed(take(), "limit", tooLarge, retries.wave))
    assert.isTrue(retries.isOpen)
    assert.deepStrictEqual(queue.droppedBy, { TooLarge: 1 })
  })

  it("keeps at shutdown only what the server asks to send later, while time remains", () => {
    const { outcomes, queue, retries, take } = setUp()
    retries.setDeadline(3_000)
    assert.isUndefined(outcomes.settleFailed(take(), "shutdown", failure({ status: 429 }), retries.wave))
    assert.strictEqual(retries.heldFor, 1_000)
    const late = failure({ status: 429, retryAfterMillis: 4_000 })
    assert.strictEqual(outcomes.settleFailed(take(), "shutdown", late, retries.wave), late)
    assert.deepStrictEqual(queue.droppedBy, { Shutdown: 1 })
  })

  it("drops what is permanently refused, and clears the error with the first success", () => {
    const { outcomes, queue, retries, take } = setUp()
    assert.isDefined(outcomes.settleFailed(take(), "manual", failure({ retryable: false }), retries.wave))
    assert.deepStrictEqual(queue.droppedBy, { Refused: 1 })
    queue.push(customText("e", null, null), undefined, 0)
    outcomes.settleSent(take())
    assert.isUndefined(outcomes.lastError)
    assert.strictEqual(queue.sent, 1)
  })

  it("ignores a batch that was given up in between", () => {
    const { outcomes, queue, retries, take } = setUp()
    const batch = take()
    queue.dropAll("Shutdown", "over")
    outcomes.settleSent(batch)
    const error = failure()
    assert.strictEqual(outcomes.settleFailed(batch, "limit", error, retries.wave), error)
    assert.isUndefined(outcomes.lastError)
    assert.deepStrictEqual([queue.sent, queue.dropped], [0, 1])
  })
})
