import { assert, describe, it } from "vitest"
import { EventList, EventWriter } from "../../../src/engine/events/eventList.js"
import { customText } from "../../../src/engine/events/events.js"
import { User } from "../../../src/engine/user.js"
import { Random } from "../../conformance/support/random.js"

const users = Array.from({ length: 3 }, (_, index) => new User({ userID: `user-${index} é` }))

const push = (list: EventList, number: number) =>
  list.push(customText(`event ${number}`, null, null), users[number % users.length], number >> 2, number)

const writerOfIDs = () => new EventWriter(0, user => JSON.stringify({ userID: user.userID }))

/** The events of a list, by their serialised text. */
const eventsOf = (list: EventList) => {
  const writer = writerOfIDs()
  for (let index = 0; index < list.length; index++) list.write(index, writer)
  return eventsIn(writer)
}

const eventsIn = (writer: EventWriter) => {
  const events: ReadonlyArray<{ eventName: string; user: object; time: number }> = JSON.parse(`[${writer.text}]`)
  return events.map(({ eventName, time, user }) => ({ eventName, user, time }))
}

const expected = (numbers: ReadonlyArray<number>) =>
  numbers.map(number => ({
    eventName: `event ${number}`,
    user: { userID: `user-${number % users.length} é` },
    time: number >> 2
  }))

describe("EventList", () => {
  it("serialises each event with its own user and time", () => {
    const list = new EventList()
    const numbers = Array.from({ length: 1_000 }, (_, number) => number)
    for (const number of numbers) push(list, number)
    assert.deepStrictEqual(eventsOf(list), expected(numbers))
  })

  it("is written by several writers at once, and by a writer again", () => {
    const numbers = Array.from({ length: 30 }, (_, number) => number)
    const list = new EventList()
    for (const number of numbers) push(list, number)
    const writers = [writerOfIDs(), writerOfIDs()] as const
    for (const round of [0, 1]) {
      for (const number of numbers) {
        list.write(number, writers[0])
        if (number % 2 === round) list.write(number, writers[1])
      }
      assert.deepStrictEqual(eventsIn(writers[0]), expected(numbers))
      assert.deepStrictEqual(eventsIn(writers[1]), expected(numbers.filter(number => number % 2 === round)))
      for (const writer of writers) writer.clear()
    }
  })

  it("is empty once cleared, and can be filled again", () => {
    const list = new EventList()
    for (const number of [0, 1, 2]) push(list, number)
    list.drop(1)
    list.clear()
    assert.deepStrictEqual([list.length, list.bytes, eventsOf(list)], [0, 0, []])
    push(list, 7)
    assert.deepStrictEqual(eventsOf(list), expected([7]))
  })

  it("behaves as a plain list, whatever is pushed, dropped and removed", () => {
    const random = new Random(5)
    let list = new EventList()
    let numbers: Array<number> = []
    for (let number = 0; number < 3_000; number++) {
      push(list, number)
      numbers.push(number)
      if (random.chance(0.4)) {
        const count = random.below(Math.min(numbers.length, random.chance(0.02) ? 1_000 : 3) + 1)
        list.drop(count)
        numbers.splice(0, count)
      }
      if (random.chance(0.01)) {
        const from = random.below(numbers.length + 1)
        const rest = list.slice(0, from)
        list = list.slice(from, numbers.length)
        list.pushAll(rest)
        numbers = [...numbers.slice(from), ...numbers.slice(0, from)]
      }
      assert.strictEqual(list.length, numbers.length)
      if (number % 50 === 0) assert.deepStrictEqual(eventsOf(list), expected(numbers))
    }
    assert.deepStrictEqual(eventsOf(list), expected(numbers))
  })
})
