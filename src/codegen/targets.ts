/**
 * The target APIs of generated flags.
 */
import type { DocWords } from "./shape.js"
import { block, type Doc } from "./source.js"

/**
 * The target API of a module: `effect` for Effect programs, `promise` for programs that use `statsig-effect/promise`.
 *
 * @since 0.1.0
 */
export type TargetName = "effect" | "promise"

/** What differs between the APIs. */
export interface Target extends DocWords {
  /** The lines that import what a module uses. */
  readonly imports: (uses: (name: string) => boolean) => ReadonlyArray<string>
}

const call =
  (name: string) =>
  (...items: ReadonlyArray<Doc>): Doc =>
    block(`${name}(`, items, ")")

const effect: Target = {
  imports: uses => [
    ...(uses("Schema") ? ['import * as Schema from "effect/Schema"'] : []),
    ...(uses("Flag") ? ['import { Flag } from "statsig-effect"'] : [])
  ],
  string: "Schema.String",
  number: "Schema.Number",
  boolean: "Schema.Boolean",
  null: "Schema.Null",
  unknown: "Schema.Unknown",
  record: "Schema.Record({ key: Schema.String, value: Schema.Unknown })",
  nullable: call("Schema.NullOr"),
  union: types => call("Schema.Union")(...types),
  array: call("Schema.Array"),
  object: call("Schema.Struct"),
  optional: type => call("Schema.optionalWith")(type, "{ exact: true }")
}

const promise: Target = {
  imports: uses => {
    const names = ["Flag", "Type"].filter(uses)
    return names.length === 0 ? [] : [`import { ${names.join(", ")} } from "statsig-effect/promise"`]
  },
  string: "Type.string",
  number: "Type.number",
  boolean: "Type.boolean",
  null: "Type.literal(null)",
  unknown: "Type.unknown",
  record: "Type.record(Type.unknown)",
  nullable: call("Type.nullable"),
  union: types => call("Type.union")(...types),
  array: call("Type.array"),
  object: call("Type.object"),
  optional: call("Type.optional")
}

/** By the name on the command line. */
export const targets: Readonly<Record<TargetName, Target>> = { effect, promise }
