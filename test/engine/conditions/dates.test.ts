/**
 * The meaning of date texts. Every expected value was observed from the official package (@statsig/statsig-node-core
 * 0.23.2).
 */
import { describe, expect, it } from "vitest"
import { parseDate } from "../../../src/engine/conditions/dates.js"
import { parseTargetTime, timeOf } from "../../../src/engine/conditions/values.js"

const march = "2024-03-05T08:05:00.000Z"

const dates: Readonly<Record<string, ReadonlyArray<readonly [text: string, moment: string]>>> = {
  "RFC 3339": [
    ["2024-03-05T08:05:00Z", march],
    ["2024-03-05t08:05:00z", march],
    ["2024-03-05 08:05:00Z", march],
    ["2024-03-05T08:05:00+05:30", "2024-03-05T02:35:00.000Z"],
    ["2024-03-05T08:05:00-23:59", "2024-03-06T08:04:00.000Z"],
    ["2024-03-05T08:05:00\u221205:00", "2024-03-05T13:05:00.000Z"],
    ["2024-03-05T08:05:00.1Z", "2024-03-05T08:05:00.100Z"],
    ["2024-03-05T08:05:00.1239567890123Z", "2024-03-05T08:05:00.123Z"],
    ["2024-03-05T08:05:60Z", "2024-03-05T08:06:00.000Z"],
    ["2024-03-05T08:05:60.5Z", "2024-03-05T08:06:00.500Z"],
    ["1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"],
    ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"]
  ],
  "a date and a time in UTC": [
    ["2024-03-05 08:05:00", march],
    ["2024-3-5 8:05:00", march],
    ["2024-3-5 8:5:0", march],
    ["2024-03-0508:05:00", march],
    ["2024-3-5 8:5:60", "2024-03-05T08:06:00.000Z"],
    ["2024-2-29 1:1:1", "2024-02-29T01:01:01.000Z"]
  ],
  "white space before numbers": [
    [" 2024-3-5 8:5:0", march],
    ["2024- 3-\t5\n8: 5:\v0", march],
    ["2024-3-5\u00a08:5:0", march],
    ["2024-3-5\u30008:5:0", march],
    ["2024-3-5\u00858:5:0", march],
    [" +2024-3-5 8:5:0", march]
  ],
  "years of any length": [
    ["24-3-5 8:5:0", "0024-03-05T08:05:00.000Z"],
    ["0-3-5 8:5:0", "0000-03-05T08:05:00.000Z"],
    ["-0-3-5 8:5:0", "0000-03-05T08:05:00.000Z"],
    ["+2024-3-5 8:5:0", march],
    ["-2024-3-5 8:5:0", "-002024-03-05T08:05:00.000Z"],
    ["+00000000000000000000002024-3-5 8:5:0", march],
    ["+262142-12-31 23:59:59", "+262142-12-31T23:59:59.000Z"],
    ["-262143-1-1 0:0:0", "-262143-01-01T00:00:00.000Z"]
  ]
}

const none: Readonly<Record<string, ReadonlyArray<string>>> = {
  "numbers that are out of range": [
    "2024-2-30 1:1:1",
    "2023-2-29 1:1:1",
    "2024-13-5 8:5:0",
    "2024-0-5 8:5:0",
    "2024-3-0 8:5:0",
    "2024-3-5 24:5:0",
    "2024-3-5 8:60:0",
    "2024-3-5 8:5:61",
    "+262143-1-1 0:0:0",
    "-262144-12-31 0:0:0",
    "2024-03-05T08:05:00+24:00",
    "2024-03-05T08:05:00+23:60"
  ],
  "too many or too few digits": [
    "12024-3-5 8:5:0",
    "2024-003-5 8:5:0",
    "2024-3-58:5:0",
    "2024-3-5T8:5:0Z",
    "02024-03-05T08:05:00Z",
    "2024-03-05T08:05:00.Z"
  ],
  "white space elsewhere": [
    "2024-3-5 8:5:0 ",
    "2024-3-5 8:5:0\n",
    "2024-3 -5 8:5:0",
    "+ 2024-3-5 8:5:0",
    "2024-03-05T08:05:00 Z",
    "2024-03-05T08:05:00+05: 30"
  ],
  "what is no white space to Rust": ["2024-3-5\u200b8:5:0", "2024-3-5\ufeff8:5:0"],
  "parts that are missing, or not of this form": [
    "2024-3-5 8:5",
    "2024-03-05",
    "2024-3-5T8:5:0",
    "2024-3-5 8:5:0.5",
    "2024-+3-5 8:5:0",
    "2024-03-05T08:05:00+0530",
    "2024-03-05 08:05:00 UTC",
    "2024/03/05 08:05:00",
    ""
  ]
}

describe("a date text", () => {
  describe.each(Object.entries(dates))("of the form: %s", (_, rows) => {
    it.each(rows)("%j is %s", (text, moment) => {
      const millis = parseDate(text)
      expect(millis === undefined ? undefined : new Date(millis).toISOString()).toBe(moment)
      expect(parseTargetTime(text)).toBe(millis)
    })
  })

  describe.each(Object.entries(none))("does not have %s", (_, texts) => {
    it.each(texts)("%j", text => {
      expect(parseDate(text)).toBeUndefined()
    })
  })

  it("of a user has at most 20 bytes", () => {
    expect(timeOf("2024-03-05T08:05:00Z")).toBe(Date.parse(march))
    expect(timeOf("2024-03-05 08:05:00")).toBe(Date.parse(march))
    expect(timeOf("2024-03-05T08:05:00.5Z")).toBeUndefined()
    // 14 characters; each of the 2, 3 and 4 spaces has three bytes.
    expect(timeOf("\u3000\u30002024-3-5 8:5:0")).toBe(Date.parse(march))
    expect(timeOf("\u3000\u3000\u30002024-3-5 8:5:0")).toBeUndefined()
    expect(parseTargetTime("\u3000\u3000\u30002024-3-5 8:5:0")).toBe(Date.parse(march))
  })
})
