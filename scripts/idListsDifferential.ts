/**
 * Compares ID lists of this package with those of the official one over random histories of a server's lists:
 *
 *     tsx scripts/idListsDifferential.ts --histories 2000 --seed 7
 *     tsx scripts/idListsDifferential.ts --history 12 --seed 7      one history alone
 *
 * It prints what was compared and the first differences; any difference ends it with status 1. Some histories make the
 * official package fail, which it reports to a public host. So run it in a namespace with no network but loopback:
 * `unshare -rn sh -c 'ip link set lo up && exec npx tsx scripts/idListsDifferential.ts'`.
 */
import { parseArgs } from "node:util"
import { compareHistories } from "../test/conformance/support/idListHistories.js"

const { values: options } = parseArgs({
  options: {
    histories: { type: "string", default: "200" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    history: { type: "string" }
  }
})

// Allows both packages to poll faster than usual.
process.env["STATSIG_RUNNING_TESTS"] = "true"

const seed = Number(options.seed)
const first = Number(options.history ?? 0)
const count = options.history === undefined ? Number(options.histories) : 1
const { differences, totals } = await compareHistories({ seed, first, count })
for (const difference of differences.slice(0, 5)) console.log(difference)
console.log(JSON.stringify({ seed, ...totals, differences: differences.length }))
// The official package keeps the process alive.
process.exit(differences.length === 0 && totals.histories === count ? 0 : 1)
