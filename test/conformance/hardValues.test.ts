/**
 * Values that the official parser rejects (a number out of range, a lone surrogate, more than 127 levels), at every
 * place where a payload may hold a value.
 */
import { describe, expect, it } from "vitest"
import { officialSdk, open, ourSdk, type Question, type Sdk } from "./support/sdk.js"
import { object, plain as plainTree, Raw, type Tree } from "./support/tree.js"
import type { World } from "./support/world.js"

const nested = (levels: number, open: string, close: string) => `${open.repeat(levels)}1${close.repeat(levels)}`

const values: Readonly<Record<string, string>> = {
  "a number out of range": "1e400",
  "a number out of range in an object": '{"n":-1e400,"ok":1}',
  "an integer of 400 digits": `{"n":${"9".repeat(400)}}`,
  "the largest number": '{"n":1.7976931348623157e308}',
  "integers beyond 64 bits": '{"n":123456789012345678901234567890,"m":-9223372036854775809}',
  "half a pair of surrogates": '{"n":"\\ud800"}',
  "half a pair of surrogates in a key": '{"\\udc00":1,"ok":1}',
  "a pair of surrogates": '{"n":"\\ud83d\\ude00"}',
  "127 levels of objects": nested(127, '{"k":', "}"),
  "128 levels of objects": nested(128, '{"k":', "}"),
  "127 levels, most of them arrays": `{"n":${nested(126, "[", "]")}}`,
  "128 levels, most of them arrays": `{"n":${nested(127, "[", "]")}}`,
  "2,000 levels": `{"n":${nested(2_000, "[", "]")}}`,
  "keys that occur twice": '{"n":1,"n":{"a":1,"a":2}}',
  "minus zero": '{"n":-0,"m":[-0.0]}'
}

const rule = (
  returnValue: Tree,
  conditions: ReadonlyArray<string>,
  fields: Readonly<Record<string, Tree>> = {}
): Tree => object({ name: "r", id: "r", passPercentage: 100, returnValue, conditions, idType: "userID", ...fields })

const spec = (
  entity: string,
  defaultValue: Tree,
  rules: ReadonlyArray<Tree>,
  fields: Readonly<Record<string, Tree>> = {}
) =>
  object({
    type: entity === "feature_gate" ? entity : "dynamic_config",
    entity,
    salt: "salt",
    enabled: true,
    defaultValue,
    rules,
    idType: "userID",
    ...fields
  })

const condition = (operator: string, targetValue: Tree): Tree =>
  object({ type: "user_field", field: "f", operator, targetValue, idType: "userID" })

const bandit = (enabled: boolean, defaultValue: Tree, parameterValues: Tree): Tree =>
  object({
    salt: "salt",
    defaultValue,
    idType: "userID",
    enabled,
    version: 1,
    sampleRate: 0,
    higherIsBetter: true,
    groups: [object({ name: "A", id: "a", parameterValues })]
  })

const operators = [
  "any",
  "none",
  "eq",
  "neq",
  "gt",
  "version_eq",
  "str_contains_none",
  "str_matches",
  "before",
  "array_contains_none"
]

/** A payload with the value at every place where only the value itself is lost. */
const payloadWith = (value: Tree) =>
  object({
    has_updates: true,
    time: 1,
    feature_gates: object({
      "gate rule": spec("feature_gate", false, [rule(value, ["everyone"])]),
      "gate default": spec("feature_gate", value, []),
      ...Object.fromEntries(
        operators.map(operator => [operator, spec("feature_gate", false, [rule(true, [operator])])])
      )
    }),
    dynamic_configs: object({
      rule: spec("dynamic_config", object({}), [rule(value, ["everyone"])]),
      default: spec("dynamic_config", value, [rule(object({ other: 1 }), ["nobody"])]),
      beside: spec("dynamic_config", value, [rule(object({ other: 1 }), ["everyone"])]),
      unknown: spec("dynamic_config", object({ a: 1 }), [rule(object({ b: 2 }), ["everyone"], { more: value })], {
        more: value
      }),
      experiment: spec("experiment", object({}), [rule(value, ["everyone"])]),
      mapped: spec("dynamic_config", object({}), [])
    }),
    layer_configs: object({
      layer: spec("layer", value, []),
      "new layer": spec("layer", object({}), [rule(value, ["everyone"])], { useNewLayerEval: true })
    }),
    condition_map: object({
      everyone: object({ type: "public", idType: "userID" }),
      nobody: condition("any", []),
      ...Object.fromEntries(operators.map(operator => [operator, condition(operator, value)]))
    }),
    experiment_to_layer: object({}),
    cmab_configs: object({
      bandit: bandit(true, object({}), value),
      "bandit that has not started": bandit(false, value, object({}))
    }),
    override_rules: object({ mapping: rule(value, ["everyone"]) }),
    overrides: object({ mapped: [object({ new_config_name: "rule", rules: [object({ rule_name: "mapping" })] })] }),
    unknown_key: value
  })

const questionsOf = (payload: ReturnType<typeof payloadWith>): ReadonlyArray<Question> => {
  const names = (...tables: ReadonlyArray<string>) =>
    tables.flatMap(table => [...(payload.get(table) as ReadonlyMap<string, Tree>).keys()])
  return [
    ...names("feature_gates").map(name => ({ kind: "gate", name, logged: false }) as const),
    ...names("dynamic_configs").map(name => ({ kind: "config", name, logged: false }) as const),
    ...names("dynamic_configs", "cmab_configs").map(name => ({ kind: "experiment", name, logged: false }) as const),
    ...names("layer_configs").flatMap(name => [
      { kind: "layer", name, logged: false } as const,
      { kind: "layerGetters", name, parameter: "n" } as const
    ])
  ]
}

const fields: ReadonlyArray<Tree> = ["x", "", null, 1, [], object({})]

const answersOf = async (sdk: Sdk, payload: ReturnType<typeof payloadWith>) => {
  const users = fields.map(f => ({ fields: object({ userID: "u", custom: object({ f }) }), assigned: object({}) }))
  const world: World = { payload, users, options: object({}) }
  const session = await open(sdk, world)
  const answers = Object.fromEntries(
    questionsOf(payload).flatMap(question =>
      users.map((_, user) => {
        const of = "name" in question ? question.name : ""
        return [
          `${question.kind} ${of} for ${JSON.stringify(plainTree(fields[user]!))}`,
          session.ask(user, question)
        ] as const
      })
    )
  )
  const response = JSON.parse(session.statsig.getClientInitializeResponse(session.users[0]!, { hashAlgorithm: "none" }))
  await session.close()
  return { answers, response }
}

describe("a value that is hard to parse", () => {
  it.each(Object.entries(values))("has the same effect as officially: %s", async (_, text) => {
    const payload = payloadWith(new Raw(text))
    const expected = await answersOf(officialSdk, payload)
    const actual = await answersOf(ourSdk, payload)
    expect(actual.answers).toEqual(expected.answers)
    // Minus zero is written as zero in responses.
    const written = (response: object) => JSON.parse(JSON.stringify(response))
    for (const table of ["feature_gates", "dynamic_configs", "layer_configs"]) {
      expect(written(actual.response[table]), table).toEqual(written(expected.response[table]))
    }
  })

  it("is not refused where it was once", async () => {
    const { answers } = await answersOf(ourSdk, payloadWith(new Raw('{"n":1e400}')))
    expect(answers['config rule for "x"']).toMatchObject({ value: {}, ruleID: "r" })
    expect(answers['experiment bandit for "x"']).toMatchObject({ value: {}, ruleID: "a:explore" })
    expect(answers['gate neq for "x"']).toMatchObject({ value: true })
  })

  it.each([
    ["its id", { id: new Raw('"\\ud800"') }],
    ["its group's name", { groupName: new Raw('"\\ud800"') }]
  ])("drops the spec where a rule has a lone surrogate in %s", async (_, broken) => {
    const payload = payloadWith(object({}))
    const configs = payload.get("dynamic_configs") as Map<string, Tree>
    configs.set("rule", spec("dynamic_config", object({}), [rule(object({}), ["everyone"], broken)]))
    const expected = await answersOf(officialSdk, payload)
    const actual = await answersOf(ourSdk, payload)
    expect(actual.answers).toEqual(expected.answers)
    expect(actual.answers['config rule for "x"']).toMatchObject({
      details: { reason: "Adapter(DataStore):Unrecognized" }
    })
  })
})
