/**
 * The official package and this one hold the same ID lists after every sync with the same server, whatever happens to
 * its lists, and request the same ranges of files. See `support/idListHistories.ts`.
 */
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"
import { runAlone } from "./support/alone.js"

const program = fileURLToPath(new URL("../../scripts/idListsDifferential.ts", import.meta.url))
const histories = 200

describe("ID lists of both packages", () => {
  it(`are the same throughout ${histories} histories of a server's lists`, { timeout: 180_000 }, async () => {
    const { code, output } = await runAlone(program, ["--histories", String(histories), "--seed", "77"])
    assert.strictEqual(code, 0, output)
    const totals = JSON.parse(output.trim().split("\n").at(-1) ?? "")
    assert.strictEqual(totals.histories, histories, output)
    // Neither nothing nor everything: the histories cover the intended cases.
    assert.isAbove(totals.syncs, histories * 3)
    assert.isAbove(totals.failing, histories / 2)
    assert.isAbove(totals.members, totals.answers / 50)
  })
})
