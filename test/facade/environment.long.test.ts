/** Programs without permission to read their environment. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { afterAll, expect, it } from "vitest"
import { layer as localLayer } from "../../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../../layers/LocalStatsig.js"
import { translated } from "../support/translated.js"
import { payload } from "./support/payload.js"

const runtime = ManagedRuntime.make(localLayer({ specs: payload }))
const local = await runtime.runPromise(LocalStatsig)
afterAll(() => runtime.dispose())

it("a program without permission to read its environment works all the same", async () => {
  const program = await translated(fileURLToPath(new URL("support/withoutEnvironment.ts", import.meta.url)))
  const { stdout } = await promisify(execFile)(process.execPath, [
    program,
    local.specsUrl,
    local.logEventUrl,
    local.idListsUrl
  ])
  expect(JSON.parse(stdout)).toEqual({
    initialized: { isSuccess: true },
    isOpen: true,
    ended: { isSuccess: true },
    fromEnvironment: expect.stringMatching(
      /STATSIG_SDK_KEY.*expected an environment that may be read, got .*NotCapable/s
    )
  })
}, 60_000)
