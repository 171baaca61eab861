import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  type Body,
  JsonError,
  memberNamed,
  NotAnObject,
  readBody,
  type Table,
  textOfBytes
} from "../../../src/engine/payload/body.js"

const tableNames = new Set(["gates", "conditions"])

/** The body, and the number of slices of the work. */
const portions = (bytes: Uint8Array, before?: Body) => {
  const isSame = (at: number, start: number, end: number) =>
    before?.bytes.subarray(start, end).every((byte, index) => byte === bytes[at + index]) === true
  const work = readBody(bytes, tableNames, before && { body: before, isSame })
  for (let count = 1; ; count++) {
    const step = work.next()
    if (step.done === true) return { body: step.value, count }
  }
}

const read = (text: string, before?: Body): Body => portions(new TextEncoder().encode(text), before).body

/** Everything in a body except the entries. */
const shapeOf = ({ members, repeated, tables }: Body) => {
  const shape = ({ members, ordinals }: Table<unknown>) => ({
    members: members.map(({ entry: _, ...place }) => place),
    ordinals: [...ordinals]
  })
  return { members: shape(members), repeated, tables: [...tables].map(([name, table]) => [name, shape(table)]) }
}

const valuesOf = (body: Body, table: string): ReadonlyMap<string, string> => {
  const { members } = body.tables.get(table)!
  return new Map(members.map(({ end, name, start }) => [name, textOfBytes(body.bytes, start, end)]))
}

const entryOf = (body: Body, table: string, name: string) => {
  return memberNamed(body.tables.get(table)!, name)?.entry
}

/** The `JSON.parse` result of the shortest prefix that is an object. */
const parsed = (text: string): unknown => {
  for (let end = text.indexOf("}"); end >= 0; end = text.indexOf("}", end + 1)) {
    try {
      return JSON.parse(text.slice(0, end + 1))
    } catch {
      // Not yet.
    }
  }
  return undefined
}

const accepted = (text: string): boolean => {
  try {
    read(text)
    return true
  } catch (error) {
    assert.instanceOf(error, JsonError)
    return false
  }
}

describe("readBody", () => {
  it("accepts the same JSON as JSON.parse, with anything after it", () => {
    const json = fc.json({ maxDepth: 4, noUnicodeString: false })
    const spoilt = fc.tuple(
      fc.dictionary(fc.string({ maxLength: 4 }), json, { maxKeys: 4 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom(...'{}[]:,"\\u0123-+.eE nrtbf/\u0000\u001f\n\té')), {
        maxLength: 3
      }),
      fc.constantFrom("", " ", "garbage", "}")
    )
    let good = 0
    fc.assert(
      fc.property(spoilt, ([object, edits, end]) => {
        let text = `{${Object.entries(object)
          .map(([key, value]) => `${JSON.stringify(key)} : ${value}`)
          .join(", ")}}`
        for (const [at, taken, character] of edits) {
          const from = at % text.length
          text = text.slice(0, from) + character + text.slice(from + taken)
        }
        text += end
        if (!text.startsWith("{")) return
        const expected = parsed(text)
        if (expected !== undefined) good++
        assert.strictEqual(accepted(text), expected !== undefined, text)
      }),
      { numRuns: 3_000 }
    )
    assert.isAbove(good, 500)
  })

  const words: ReadonlyArray<readonly [text: string, good: boolean]> = [
    ['{"a":1}', true],
    [" \n\t\r{ } ", true],
    ['{"a":-0.5e+10,"b":1E5,"c":0}', true],
    ['{"a":"\\u00e9\\"\\\\\\/\\b\\f\\n\\r\\t\\ud800"}', true],
    ['{"a":1} trailing', true],
    ['{"a":01}', false],
    ['{"a":.5}', false],
    ['{"a":5.}', false],
    ['{"a":+1}', false],
    ['{"a":1e}', false],
    ['{"a":-}', false],
    ['{"a":NaN}', false],
    ['{"a":tru}', false],
    ['{"a":nullx}', false],
    ['{"a":"\t"}', false],
    ['{"a":"\\x"}', false],
    ['{"a":"\\u12g4"}', false],
    ['{"a":[1,]}', false],
    ['{"a":{"b":1,}}', false],
    ['{"a":[1}', false],
    ['{"a":{"b"}}', false],
    ["{'a':1}", false],
    ['{"a" 1}', false],
    ['{"a":1,}', false],
    ['{"a":1', false],
    ['{"a', false],
    ["{", false],
    ["", false],
    ["\ufeff{}", false],
    ["<html>", false]
  ]
  for (const [text, good] of words) {
    it(`${good ? "takes" : "refuses"} ${JSON.stringify(text)}`, () => assert.strictEqual(accepted(text), good))
  }

  it("distinguishes a non-object from invalid JSON, and reports the position", () => {
    for (const text of ["null", "[]", '"x"', "12", "[{}]"]) assert.throws(() => read(text), NotAnObject)
    assert.throws(() => read('{"a":[1,x]}'), 'unexpected "x" at byte 8')
    assert.throws(() => read('{"größe":é}'), 'unexpected "é" at byte 11')
    assert.throws(() => read('{"a":[1'), "unexpected end at byte 7")
  })

  it("supports any depth", () => {
    const depth = 200_000
    const body = read(`{"gates":{"deep":${"[".repeat(depth)}${"]".repeat(depth)}}}`)
    assert.strictEqual(valuesOf(body, "gates").get("deep")?.length, 2 * depth)
  })

  it("finds members of any name, the last of duplicates", () => {
    const body = read('{"x":1,"gates":{"":{},"__proto__":[1],"\\u0061\\"":2,"größe":"ü","":3},"x":2,"conditions":[]}')
    assert.deepStrictEqual(
      [...valuesOf(body, "gates")],
      [
        ["", "3"],
        ["__proto__", "[1]"],
        ['a"', "2"],
        ["größe", '"ü"']
      ]
    )
    assert.deepStrictEqual(body.repeated, ["x"])
    assert.isFalse(body.tables.has("conditions"))
    const { end, start } = memberNamed(body.members, "x")!
    assert.strictEqual(textOfBytes(body.bytes, start, end), "2")
  })

  it("finds the same with a previous body, and shares the entries of equal values", () => {
    const name = fc.constantFrom("a", "b", "c", "d", "e", "ü", '"', "12", "")
    const value = fc.constantFrom("1", "12", "12.5", "true", '"x"', '"xy"', "{}", '{"a":[1,2]}', '{"a":[1,3]}', "[ ]")
    const table = fc.array(fc.tuple(name, value), { maxLength: 12 })
    const space = fc.constantFrom("", " ", "\n  ")
    const version = fc.tuple(table, table, value, space, fc.boolean())
    const textOf = ([gates, conditions, other, space, isTurned]: readonly [
      ReadonlyArray<readonly [string, string]>,
      ReadonlyArray<readonly [string, string]>,
      string,
      string,
      boolean
    ]) => {
      const object = (members: ReadonlyArray<readonly [string, string]>) =>
        `{${members.map(([name, value]) => `${JSON.stringify(name)}:${space}${value}`).join(`,${space}`)}${space}}`
      const members = [
        ["gates", object(gates)],
        ["other", other],
        ["conditions", object(conditions)]
      ] as const
      return object(isTurned ? members.toReversed() : members)
    }
    const related = fc.tuple(
      version,
      fc.array(fc.tuple(fc.nat(11), value, fc.nat(2)), { maxLength: 3 }),
      version,
      fc.boolean()
    )
    let shared = 0
    fc.assert(
      fc.property(related, ([first, edits, other, isOther]) => {
        const gates = [...first[0]]
        for (const [at, value, kind] of edits) {
          if (kind === 0) gates.splice(at, 1)
          else if (kind === 1) gates.splice(at, 0, [`new ${at}`, value])
          else if (gates[at] !== undefined) gates[at] = [gates[at][0], value]
        }
        const before = read(textOf(first))
        const next = textOf(isOther ? other : [gates, first[1], first[2], first[3], first[4]])
        const after = read(next, before)
        assert.deepStrictEqual(shapeOf(after), shapeOf(read(next)))
        for (const table of tableNames) {
          const held = valuesOf(before, table)
          for (const [name, value] of valuesOf(after, table)) {
            const isShared = held.has(name) && entryOf(before, table, name) === entryOf(after, table, name)
            if (isShared) shared++
            // An entry represents bytes; of a duplicate name either may be reused.
            if (isShared) assert.strictEqual(held.get(name), value)
            else if (new Set(gates.map(([name]) => name)).size === gates.length && !isOther) {
              if (new Set(first[0].map(([name]) => name)).size === first[0].length && table === "gates") {
                assert.notStrictEqual(held.get(name), value, name)
              }
            }
          }
        }
      }),
      { numRuns: 2_000 }
    )
    assert.isAbove(shared, 1_000)
  })

  it("divides long work into slices: fewer where it only compares, also within one member", () => {
    const text = JSON.stringify({
      gates: Object.fromEntries(Array.from({ length: 2_000 }, (_, gate) => [`gate ${gate}`, "x".repeat(2_000)])),
      conditions: { one: Array.from({ length: 400_000 }, () => "0123456789") }
    })
    const bytes = Buffer.from(text)
    const first = portions(bytes)
    assert.isAbove(first.count, 8)
    const second = portions(Buffer.from(text), first.body)
    assert.isBelow(second.count, first.count / 2)
    assert.strictEqual(portions(Buffer.from('{"gates":{"a":1}}')).count, 1)
  })
})
