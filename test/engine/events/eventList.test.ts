import { assert, describe, it } from "vitest"
import { EventList, EventWriter } from "../../../src/engine/events/eventList.js"
import { customText } from "../../../src/engine/events/events.js"
import { User } from "../../../src/engine/user.js"
import { Random } from "../../conformance/support/random.js"

const users = Array.from({ length: 3 }, (_, index) => new User({ userID: `user-${index} é` }))

const push = (list: EventList, number: number) =>
  list.push(customText(`event ${number}`, null, null), users[number % users.length], number >> 2, number)

/** The events of a list, by their serialised text. */
const eventsOf = (list: EventList) => {
  const writer = new EventWriter(0, user => JSON.stringify({ userID: user.userID }))
  for (let index = 0; index < list.length; index++) list.write(index, writer)
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
