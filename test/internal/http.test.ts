import * as Headers from "@effect/platform/Headers"
import { describe, expect, it } from "vitest"
import { longestRetryAfter, retryAfter } from "../../src/internal/http.js"

const now = Date.parse("1994-11-06T08:49:07Z")

const read = (text: string) => retryAfter(Headers.fromInput({ "Retry-After": text }), now)

describe("Retry-After", () => {
  it.each([
    ["0", 0],
    ["1", 1_000],
    [" 120 ", 120_000],
    ["Sun, 06 Nov 1994 08:49:37 GMT", 30_000],
    ["Sunday, 06-Nov-94 08:49:37 GMT", 30_000],
    ["Sun Nov  6 08:49:37 1994", 30_000]
  ])("%j is a wait of %d milliseconds", (text, wait) => {
    expect(read(text)).toBe(wait)
  })

  it.each(["601", "999999999999999999999", "9".repeat(400), "Fri, 31 Dec 2999 23:59:59 GMT"])("%j is bounded", text => {
    expect(read(text)).toBe(longestRetryAfter)
  })

  it("is no wait for a date in the past", () => {
    expect(read("Sun, 06 Nov 1994 08:49:06 GMT")).toBe(0)
  })

  it.each(["", "soon", "-1", "1.5", "0x10", "1e3", "10, 20", "Wed, 99 Foo 2020 00:00:00 GMT", "1994-11-06"])(
    "%j is neither seconds nor a date",
    text => {
      expect(read(text)).toBeUndefined()
    }
  )

  it("may be absent", () => {
    expect(retryAfter(Headers.empty, now)).toBeUndefined()
  })
})
