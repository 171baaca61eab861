/**
 * Programs whose requests are mocked or traced by packages that replace `http.request`: these see Statsig's requests
 * too.
 */
import { execFile } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { beforeAll, describe, expect, it } from "vitest"
import { bundle } from "../../scripts/bundle.js"
import { payload } from "./support/payload.js"

const folder = resolve(import.meta.dirname, "../../node_modules/.cache/statsig-effect")
const programs = resolve(import.meta.dirname, "support/httpMocks")

describe.each(["esm", "cjs"] as const)("of the published bundle as %s", format => {
  const file = join(folder, `httpMocks.${format === "esm" ? "mjs" : "cjs"}`)

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true })
    await bundle("layers/promise.ts", format, file)
  }, 120_000)

  it.each(["nock", "nock13", "msw", "opentelemetry"])(
    "%s sees the requests",
    async name => {
      const program = join(programs, `${name}.mjs`)
      const { stdout } = await promisify(execFile)(process.execPath, [program, file, JSON.stringify(payload)])
      expect(JSON.parse(stdout)).toEqual({
        initialized: { isSuccess: true },
        isOpen: true,
        ended: { isSuccess: true },
        seen: true
      })
    },
    60_000
  )
})
