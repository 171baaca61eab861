/**
 * The types of flag values. `Flag` uses them: a value that does not fit gives the flag's fallback.
 *
 * @example
 * import { Flag, Type } from "statsig-effect/promise"
 *
 * const Pricing = Flag.config("pricing", Type.object({ vat: Type.number, note: Type.optional(Type.string) }), { vat: 20 })
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The type of a value.
 *
 * @since 0.1.0
 */
export interface Type<out A> {
  /** For the compiler only: this member does not exist. */
  readonly Value: A
}

/**
 * The type of an optional object member.
 *
 * @since 0.1.0
 */
export interface Optional<out A> {
  /** For the compiler only: this member does not exist. */
  readonly OptionalValue: A
}

/**
 * The members of an object with their types.
 *
 * @since 0.1.0
 */
export type Members = Readonly<Record<string, Type<unknown> | Optional<unknown>>>

/**
 * The object that has these members.
 *
 * @since 0.1.0
 */
export type ObjectOf<M extends Members> = Flat<
  { readonly [K in keyof M as M[K] extends Type<unknown> ? K : never]: M[K] extends Type<infer A> ? A : never } & {
    readonly [K in keyof M as M[K] extends Type<unknown> ? never : K]?: M[K] extends Optional<infer A> ? A : never
  }
>

/**
 * An intersection as one object.
 *
 * @since 0.1.0
 */
export type Flat<A> = { readonly [K in keyof A]: A[K] }

/** The representation of a type. */
class Held {
  constructor(readonly schema: unknown) {}
}

const typeOf = <A>(schema: Schema.Schema<A>): Type<A> => new Held(schema) as never

/**
 * The schema behind a type. Throws a `TypeError` for anything else.
 *
 * @internal
 */
export const schemaOf = <A>(type: Type<A>): Schema.Schema<A> => {
  if (type instanceof Held) return type.schema as Schema.Schema<A>
  throw new TypeError("expected a type such as Type.string or Type.object({ … })")
}

/**
 * A string.
 *
 * @since 0.1.0
 */
export const string: Type<string> = /* @__PURE__ */ typeOf(Schema.String)

/**
 * A number.
 *
 * @since 0.1.0
 */
export const number: Type<number> = /* @__PURE__ */ typeOf(Schema.Number)

/**
 * `true` or `false`.
 *
 * @since 0.1.0
 */
export const boolean: Type<boolean> = /* @__PURE__ */ typeOf(Schema.Boolean)

/**
 * Any value.
 *
 * @since 0.1.0
 */
export const unknown: Type<unknown> = /* @__PURE__ */ typeOf(Schema.Unknown)

/**
 * One of these values.
 *
 * @example
 * import { Type } from "statsig-effect/promise"
 *
 * const Gallery = Type.literal("grid", "list")
 *
 * @since 0.1.0
 */
export const literal = <const L extends ReadonlyArray<string | number | boolean | null>>(
  ...values: L
): Type<L[number]> => typeOf<L[number]>(Schema.Literal(...values))

/**
 * A value of this type, or `null`.
 *
 * @since 0.1.0
 */
export const nullable = <A>(type: Type<A>): Type<A | null> => typeOf(Schema.NullOr(schemaOf(type)))

/**
 * A value of one of these types.
 *
 * @since 0.1.0
 */
export const union = <T extends ReadonlyArray<Type<unknown>>>(...types: T): Type<T[number]["Value"]> =>
  typeOf(Schema.Union(...types.map(schemaOf)))

/**
 * Any number of values of this type.
 *
 * @since 0.1.0
 */
export const array = <A>(type: Type<A>): Type<ReadonlyArray<A>> => typeOf(Schema.Array(schemaOf(type)))

/**
 * An object with any names, and values of this type.
 *
 * @since 0.1.0
 */
export const record = <A>(type: Type<A>): Type<Readonly<Record<string, A>>> =>
  typeOf(Schema.Record({ key: Schema.String, value: schemaOf(type) }))

/**
 * An object with these members. Others are left out.
 *
 * @since 0.1.0
 */
export const object = <M extends Members>(members: M): Type<ObjectOf<M>> => {
  const fields = Object.entries(members).map(([name, member]) => [
    name,
    member instanceof Held && Schema.isPropertySignature(member.schema)
      ? member.schema
      : schemaOf(member as Type<unknown>)
  ])
  return typeOf(Schema.Struct(Object.fromEntries(fields)) as never)
}

/**
 * A member of an object that may be missing.
 *
 * @since 0.1.0
 */
export const optional = <A>(type: Type<A>): Optional<A> =>
  new Held(Schema.optionalWith(schemaOf(type), { exact: true })) as never
