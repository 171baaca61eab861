/**
 * Compares the client initialize responses of this package with those of the official one in generated worlds:
 *
 *     tsx scripts/clientInitializeDifferential.ts --worlds 500 --seed 7
 *     tsx scripts/clientInitializeDifferential.ts --world 12 --seed 7      one world alone
 *
 * It prints what was compared and the first differences; any difference ends it with status 1. The official package
 * runs without a network. It reports its own errors to a public host, so a namespace without a network is better still:
 * `unshare -rn npx tsx scripts/clientInitializeDifferential.ts`.
 */
import { parseArgs } from "node:util"
import { compareResponses, makeResponseWorld } from "../test/conformance/support/clientInitializeWorlds.js"
import { officialSdk, ourSdk } from "../test/conformance/support/sdk.js"

const { values: options } = parseArgs({
  options: {
    worlds: { type: "string", default: "100" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    world: { type: "string" }
  }
})

const seed = Number(options.seed)
const first = Number(options.world ?? 0)
const end = options.world === undefined ? Number(options.worlds) : first + 1
const shownAtMost = 10

const totals = { responses: 0, entries: 0, orderedEntries: 0, entriesByOrder: 0, differences: 0 }
for (let index = first; index < end; index++) {
  const found = await compareResponses({ expected: officialSdk, actual: ourSdk }, makeResponseWorld(seed, index), index)
  totals.responses += found.responses
  totals.entries += found.entries
  totals.orderedEntries += found.orderedEntries
  totals.entriesByOrder += found.entriesByOrder
  for (const { actual, ask, expected, path } of found.differences) {
    if (++totals.differences > shownAtMost) continue
    console.log(`seed ${seed}, world ${index}, user ${ask.userIndex}, ${path}`, ask.options)
    console.log(JSON.stringify(expected))
    console.log(JSON.stringify(actual))
  }
}
console.log(`seed ${seed}, ${end - first} worlds:`, totals)
// The official package keeps the process alive.
process.exit(totals.differences === 0 ? 0 : 1)
