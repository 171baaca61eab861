/**
 * Date texts mean the same to the official package and to this one, on the user's side and in the target. The number of
 * comparisons can be set: `DATE_COMPARISONS=1000000 npx vitest run test/conformance/dates.test.ts`.
 */
import { afterAll, assert, describe, expect, it } from "vitest"
import { parseDate } from "../../src/engine/conditions/dates.js"
import { inBoth } from "./support/compareWorlds.js"
import { dateWorld } from "./support/dates.js"
import { isLong, seeds } from "./support/effort.js"
import { Random } from "./support/random.js"
import { officialSdk, ourSdk } from "./support/sdk.js"
import { objectAt } from "./support/tree.js"

const wanted = Number(process.env["DATE_COMPARISONS"] ?? (isLong ? 20_000 : 5_000))
const textsPerWorld = 40

describe("a date text", () => {
  let compared = 0
  let dates = 0
  let texts = 0

  it.each(seeds)("is the same time officially, with seed %i", { timeout: 600_000 }, async seed => {
    const end = compared + wanted / seeds.length
    for (let index = 0; compared < end; index++) {
      const { asked, world } = dateWorld(Random.of(seed, index), textsPerWorld, text => {
        texts++
        const millis = parseDate(text)
        if (millis !== undefined) dates++
        return millis
      })
      await inBoth(officialSdk, ourSdk, world, (expected, actual) => {
        for (const [user, name] of asked) {
          const question = { kind: "checkGate", name, logged: false } as const
          const answers = [expected.ask(user, question), actual.ask(user, question)]
          if (answers[0] !== answers[1]) {
            const condition = objectAt(objectAt(world.payload, "condition_map"), name).get("targetValue")
            const has = [...world.users[user]!.fields.values()].at(-1)
            assert.fail(`${name}: official ${answers[0]}, ours ${answers[1]}\n${show(has)} ${show(condition)}`)
          }
          compared++
        }
      })
    }
  })

  it("is compared in valid and in invalid forms", () => {
    expect(compared).toBeGreaterThanOrEqual(wanted)
    expect(dates / texts).toBeGreaterThan(0.3)
    expect(dates / texts).toBeLessThan(0.8)
  })

  afterAll(() =>
    console.info(`compared ${compared} answers about ${texts} texts, ${dates} of them dates; seeds ${seeds}`)
  )
})

const show = (value: unknown): string =>
  JSON.stringify(value instanceof Map ? Object.fromEntries(value) : value).replace(
    /[^ -~]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )
