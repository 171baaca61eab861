/**
 * Reads values in their usual form without the cost of a Schema, which decodes every form and words every error.
 *
 * A payload has thousands of specs, each decoded while a check waits for it. A scalar schema is marked with a test of
 * the values that it decodes to themselves; the reader of a struct follows from its fields. A value in any other form,
 * valid or not, is left to the Schema.
 */
import * as Either from "effect/Either"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

/** Stands for a value that the Schema has to decode. */
const unusual: unique symbol = Symbol("statsig-effect/unusual")

type Reader = (value: unknown) => unknown

const tests = new WeakMap<object, (value: unknown) => boolean>([
  [Schema.String, value => typeof value === "string"],
  [Schema.Boolean, value => typeof value === "boolean"]
])

/** Marks a schema: it decodes every value that passes the test to itself. */
export const usually = <S extends Schema.Schema.Any>(schema: S, test: (value: unknown) => boolean): S => {
  tests.set(schema, test)
  return schema
}

const nullable = new WeakSet<object>()

/** A member that may be missing or `null`, and is then left out. */
export const optionalField = <A, I>(schema: Schema.Schema<A, I>) => {
  const field = Schema.optionalWith(schema, { nullable: true })
  nullable.add(field)
  return field
}

interface Member {
  readonly name: string
  readonly isOptional: boolean
  readonly isNullable: boolean
  readonly read: Reader
}

/** Decodes as the schema does, fast where a value has its usual form. */
export const decoderOf = <A, I>(schema: Schema.Schema<A, I>) => {
  const read = usualReader(schema)
  const decode = Schema.decodeUnknownEither(schema)
  return (value: unknown): Either.Either<A, ParseResult.ParseError> => {
    const usual = read(value)
    return usual === unusual ? decode(value) : Either.right(usual as A)
  }
}

/**
 * The reader of a schema's usual form: of marked schemas, and of arrays and structs of such. It gives what the Schema would give, or `unusual`.
 */
const usualReader = (schema: object): Reader => {
  const test = tests.get(schema)
  if (test !== undefined) return value => (test(value) ? value : unusual)
  if ("fields" in schema) return structReader(schema.fields as Schema.Struct.Fields)
  if (Schema.isSchema(schema) && AST.isTupleType(schema.ast) && "value" in schema)
    return arrayReader(usualReader(schema.value as object))
  return () => unusual
}

const arrayReader =
  (read: Reader): Reader =>
  value => {
    if (!Array.isArray(value)) return unusual
    const items: Array<unknown> = []
    for (const item of value) {
      const found = read(item)
      if (found === unusual) return unusual
      items.push(found)
    }
    return items
  }

const structReader = (fields: Schema.Struct.Fields): Reader => {
  const members = Object.entries(fields).map(([name, field]): Member => {
    const isOptional = Schema.isPropertySignature(field)
    const read = usualReader(isOptional && "from" in field ? (field.from as object) : field)
    return { name, isOptional, isNullable: nullable.has(field), read }
  })
  return value => {
    if (typeof value !== "object" || value === null) return unusual
    const object = value as { readonly [name: string]: unknown }
    const struct: { [name: string]: unknown } = {}
    for (const { isNullable, isOptional, name, read } of members) {
      const member = object[name]
      if ((isNullable && member === null) || (isOptional && member === undefined && !(name in object))) continue
      const found = read(member)
      if (found === unusual) return unusual
      struct[name] = found
    }
    return struct
  }
}
