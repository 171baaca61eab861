import { Either, Schema } from "effect"
import { assert, describe, it } from "vitest"
import { decoderOf, optionalField, usually } from "../../src/internal/usualForm.js"
import { Random } from "../conformance/support/random.js"

const Count = usually(
  Schema.Union(Schema.NonNegativeInt, Schema.NumberFromString),
  value => Number.isSafeInteger(value) && Number(value) >= 0
)
const isAny = (value: unknown): value is unknown => value !== undefined
const Any = usually(Schema.declare(isAny), isAny)
const Names = usually(
  Schema.Record({ key: Schema.String, value: Schema.String }),
  value =>
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every(name => typeof name === "string")
)

const Part = Schema.Struct({
  name: Schema.String,
  count: Count,
  value: Any,
  isOn: optionalField(Schema.Boolean),
  tags: optionalField(Schema.Array(Schema.String))
})

const Whole = Schema.Struct({
  parts: Schema.Array(Part),
  target: Schema.optional(Any),
  names: optionalField(Names),
  // Not marked: always left to the Schema.
  date: optionalField(Schema.NumberFromString)
})

const random = new Random(11)

const value = (depth = 0): unknown =>
  random.pick<() => unknown>([
    () => random.pick(["", "a", "12", null, undefined, true, false, 0, 1, -1, 1.5, 2 ** 60]),
    () => (depth > 2 ? [] : random.times(random.below(3), () => value(depth + 1))),
    () =>
      depth > 2
        ? {}
        : Object.fromEntries(random.times(random.below(3), () => [random.pick(["a", "name"]), value(depth + 1)]))
  ])()

/** A member of the usual form, or now and then anything. */
const mostly = (usual: () => unknown): unknown => (random.chance(0.06) ? value() : usual())

const members = (object: { readonly [name: string]: () => unknown }, optional: ReadonlyArray<string>) =>
  Object.fromEntries(
    Object.entries(object).flatMap(([name, usual]) =>
      (optional.includes(name) && random.chance(0.4)) || random.chance(0.01) ? [] : [[name, mostly(usual)]]
    )
  )

const part = () =>
  members(
    {
      name: () => random.pick(["", "é"]),
      count: () => random.pick([0, 7, "7"]),
      value,
      isOn: () => random.pick([true, false, null]),
      tags: () => random.pick([["a"], [], null]),
      other: () => 1
    },
    ["isOn", "tags", "other"]
  )

const whole = () =>
  members(
    {
      parts: () => random.times(random.below(4), () => mostly(part)),
      target: value,
      names: () => random.pick([{ a: "b" }, {}, null]),
      date: () => random.pick(["7", null])
    },
    ["target", "names", "date"]
  )

type Fields = { readonly [name: string]: unknown }

/** The members that a program can read: unknown ones stay in a value of the usual form, and `null` becomes `undefined`. */
const readable = (schema: { readonly fields: object }, decoded: unknown): Fields =>
  Object.fromEntries(
    Object.keys(schema.fields).flatMap(name => {
      const member = (decoded as Fields)[name]
      if (member === undefined) return []
      return [[name, name === "parts" ? (member as ReadonlyArray<unknown>).map(one => readable(Part, one)) : member]]
    })
  )

describe("a decoder with a fast way for the usual form", () => {
  it.each([
    ["a struct", Part, part],
    ["nested structs", Whole, whole]
  ] as const)("of %s decodes and refuses what the Schema does", (_, schema, make) => {
    const decode = decoderOf(schema as Schema.Schema<unknown>)
    const byEffect = Schema.decodeUnknownEither(schema as Schema.Schema<unknown>)
    let valid = 0
    for (let count = 0; count < 5_000; count++) {
      const input = random.chance(0.02) ? value() : make()
      const [found, expected] = [decode(structuredClone(input)), byEffect(input)]
      assert.strictEqual(Either.isRight(found), Either.isRight(expected), JSON.stringify(input))
      if (Either.isRight(found) && Either.isRight(expected)) {
        valid++
        assert.deepStrictEqual(readable(schema, found.right), readable(schema, expected.right))
      } else if (Either.isLeft(found) && Either.isLeft(expected)) {
        assert.strictEqual(found.left.message, expected.left.message)
      }
    }
    assert.isAbove(valid, 1_000)
    assert.isBelow(valid, 4_500)
  })

  it("returns a value of the usual form itself, with undefined for null", () => {
    const input = { name: "a", count: 1, value: { a: null }, isOn: null, tags: ["t"] }
    const found = Either.getOrThrow(decoderOf(Part)(input))
    assert.strictEqual(found as object, input)
    assert.deepStrictEqual(found as object, { name: "a", count: 1, value: { a: null }, isOn: undefined, tags: ["t"] })
  })
})
