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

/** Whether a value has the usual form. A member that is `null` and may be left out becomes `undefined`. */
type IsUsual = (value: unknown) => boolean

const tests = new WeakMap<object, IsUsual>([
  [Schema.String, value => typeof value === "string"],
  [Schema.Boolean, value => typeof value === "boolean"]
])

/** Marks a schema: it decodes every value that passes the test to itself. */
export const usually = <S extends Schema.Schema.Any>(schema: S, test: IsUsual): S => {
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
  readonly isUsual: IsUsual
}

/** Decodes as the schema does, fast where a value has its usual form: it is then returned itself. */
export const decoderOf = <A, I>(schema: Schema.Schema<A, I>) => {
  const isUsual = usualTest(schema)
  const decode = Schema.decodeUnknownEither(schema)
  return (value: unknown): Either.Either<A, ParseResult.ParseError> =>
    isUsual(value) ? Either.right(value as A) : decode(value)
}

/** The test for a schema's usual form: of marked schemas, and of arrays and structs of such. */
const usualTest = (schema: object): IsUsual => {
  const test = tests.get(schema)
  if (test !== undefined) return test
  if ("fields" in schema) return structTest(schema.fields as Schema.Struct.Fields)
  if (Schema.isSchema(schema) && AST.isTupleType(schema.ast) && "value" in schema) {
    return arrayTest(usualTest(schema.value as object))
  }
  return () => false
}

const arrayTest =
  (isUsual: IsUsual): IsUsual =>
  value => {
    if (!Array.isArray(value)) return false
    for (const item of value) if (!isUsual(item)) return false
    return true
  }

const structTest = (fields: Schema.Struct.Fields): IsUsual => {
  const members = Object.entries(fields).map(([name, field]): Member => {
    const isOptional = Schema.isPropertySignature(field)
    const isUsual = usualTest(isOptional && "from" in field ? (field.from as object) : field)
    return { name, isOptional, isNullable: nullable.has(field), isUsual }
  })
  return value => {
    if (typeof value !== "object" || value === null) return false
    const object = value as { [name: string]: unknown }
    for (const { isNullable, isOptional, isUsual, name } of members) {
      const member = object[name]
      if (isNullable && member === null) object[name] = undefined
      else if (!(isOptional && member === undefined && !(name in object)) && !isUsual(member)) return false
    }
    return true
  }
}
