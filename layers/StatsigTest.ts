/**
 * The test double: a Statsig whose flags the test sets, and which records what is logged.
 *
 * Nothing is mocked. The settings become config specs for the real evaluator behind the real service: rules, groups,
 * reasons, exposures, `changes` and watches are those of a real project. There is no key, network, timer or log line. A
 * name that is not set is unrecognised.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import { CountryLookup } from "../src/CountryLookup.js"
import type { Json, JsonObject } from "../src/Evaluation.js"
import type { Service as EvaluatorService } from "../src/Evaluator.js"
import { EventLogger, type Exposure } from "../src/EventLogger.js"
import { textOf } from "../src/engine/conditions/values.js"
import { ruleIDOf } from "../src/engine/evaluate/evaluation.js"
import { kindOf } from "../src/engine/getters.js"
import { asObject, copyJson, copyJsonObject, ownValue } from "../src/engine/json.js"
import { User } from "../src/engine/user.js"
import type { Flag } from "../src/Flag.js"
import { IdLists } from "../src/IdLists.js"
import { inOneTurn } from "../src/internal/eventLoop.js"
import { ObservabilityClient } from "../src/ObservabilityClient.js"
import type { OverrideTarget } from "../src/Overrides.js"
import { type Source, SpecSource } from "../src/SpecSource.js"
import { SpecStore } from "../src/SpecStore.js"
import { decodeParameter } from "../src/Specs.js"
import { toJson } from "../src/StatsigUser.js"
import { UserAgentParser } from "../src/UserAgentParser.js"
import { lookup as noCountry } from "./CountryLookup/Disabled.js"
import * as MemoryEventLogger from "./EventLogger/Memory.js"
import * as MemoryIdLists from "./IdLists/Memory.js"
import { type Choose, makeInstance } from "./internal/instance.js"
import * as NoObservability from "./ObservabilityClient/Noop.js"
import type { Provided } from "./Statsig.js"
import * as NoUserAgentParser from "./UserAgentParser/Disabled.js"

/**
 * The users of a setting: the one with this `userID` or custom ID, or those for whom the function returns true. Without
 * either it applies to everyone else.
 *
 * @since 0.1.0
 */
export interface Audience {
  readonly id?: string | undefined
  readonly when?: ((user: User) => boolean) | undefined
}

/**
 * One flag and its value, written like an override. It replaces the setting for the same name and audience.
 *
 * An experiment's `group` is the user's group; without it the user gets the value and does not take part. A parameter
 * of a store is a fixed value, or a definition as in `Override`, which may depend on a gate.
 *
 * @since 0.1.0
 */
export type Setting =
  | ({ readonly gate: string; readonly value: boolean } & Audience)
  | ({ readonly dynamicConfig: string; readonly value: object } & Audience)
  | ({ readonly experiment: string; readonly value: object; readonly group?: string | undefined } & Audience)
  | ({ readonly layer: string; readonly value: object } & Audience)
  | { readonly parameterStore: string; readonly value: object; readonly id?: never; readonly when?: never }

/**
 * An exposure that was logged.
 *
 * @since 0.1.0
 */
export interface LoggedExposure {
  readonly kind: "gate" | "dynamicConfig" | "experiment" | "layer"
  readonly name: string
  /** The parameter of a layer that was read. */
  readonly parameter: string | undefined
  /** The value that the user got: a gate's value, a whole config, or the layer's parameter. */
  readonly value: Json | undefined
  readonly ruleID: string
  readonly groupName: string | undefined
  readonly userID: string | undefined
  readonly user: User
}

/**
 * An event that the program logged.
 *
 * @since 0.1.0
 */
export interface LoggedEvent {
  readonly name: string
  readonly value: string | number | null
  readonly metadata: JsonObject | null
  readonly userID: string | undefined
  readonly user: User
}

/**
 * The test's controls. All are synchronous, like the checks: the next check uses the new setting.
 *
 * @since 0.1.0
 */
export interface Control {
  readonly set: (setting: Setting) => void
  /**
   * Sets a flag that is declared as a value. The compiler checks that the value fits. The other parameters of a layer
   * or a parameter store stay as they are.
   */
  readonly setFlag: <A>(
    flag: Flag<A>,
    value: NoInfer<A>,
    options?: Audience & { readonly group?: string | undefined }
  ) => void
  /** Makes a name unrecognised again. */
  readonly remove: (target: OverrideTarget) => void
  /** Makes all names unrecognised again and clears what was logged. */
  readonly reset: () => void
  /** The exposures, oldest first: one per check, without deduplication. */
  readonly exposures: ReadonlyArray<LoggedExposure>
  /** The custom events, oldest first. */
  readonly events: ReadonlyArray<LoggedEvent>
}

/**
 * The service that controls the double.
 *
 * @example
 * it.effect("shows the new checkout", () =>
 *   Effect.gen(function* () {
 *     const test = yield* StatsigTest.StatsigTest
 *     test.set({ gate: "new_checkout", value: true })
 *     assert.strictEqual(yield* checkout, "new")
 *     assert.deepInclude(test.exposures[0], { name: "new_checkout", value: true })
 *   }).pipe(Effect.provide(StatsigTest.layer()))
 * )
 *
 * @since 0.1.0
 */
export class StatsigTest extends Context.Tag("statsig-effect/layers/StatsigTest")<StatsigTest, Control>() {}

/**
 * Makes a control and the layer of the instances that it controls; each build of the layer is another instance.
 *
 * @since 0.1.0
 */
export const make = (
  settings: Iterable<Setting> = []
): { readonly control: Control; readonly layer: Layer.Layer<Provided> } => {
  const project = new TestProject()
  for (const setting of settings) project.set(setting)
  const { logged, logger } = MemoryEventLogger.make()
  const instances = new Set<() => void>()

  const control = controlOf(project, logged, () => {
    project.time++
    for (const sync of instances) sync()
  })

  const layer = Layer.scopedContext(testInstance(project, logger, instances))
  return { control, layer }
}

/** The double uses none of the parts that a program provides. */
const chooseDefault: Choose = (_part, otherwise) => otherwise

const controlOf = (
  project: TestProject,
  logged: MemoryEventLogger.LoggedEvents["Type"],
  changed: () => void
): Control => {
  const control: Control = {
    set: setting => {
      project.set(setting)
      changed()
    },
    setFlag: ({ encode, kind, name, parameter }, value, { group, id, when } = {}) => {
      const json = encode(value)
      const target = { [kind]: name } as unknown as OverrideTarget
      const audience = kind === "parameterStore" ? {} : { id, when, group: kind === "experiment" ? group : undefined }
      const merged = () => ({ ...project.valueOf(target, { id, when }), [parameter ?? ""]: json })
      const whole = kind === "gate" ? json === true : asObject(json)
      const isPart = kind === "layer" || kind === "parameterStore"
      control.set({ ...target, ...audience, value: isPart ? merged() : whole } as Setting)
    },
    remove: target => {
      project.remove(target)
      changed()
    },
    reset: () => {
      project.clear()
      Effect.runSync(logged.clear)
      changed()
    },
    get exposures() {
      return Effect.runSync(logged.exposures).map(readable)
    },
    get events() {
      return Effect.runSync(logged.events).flatMap(({ metadata, name, user, value }) =>
        user === undefined
          ? []
          : [{ name, value, metadata: metadata && copyJsonObject(metadata), userID: textOf(user.userID), user }]
      )
    }
  }
  return control
}

/** An instance on the project. It has specs from the start, initialized or not. */
const testInstance = Effect.fnUntraced(function* (
  project: TestProject,
  logger: EventLogger["Type"],
  instances: Set<() => void>
) {
  const source: Source = {
    name: "Bootstrap",
    fetch: (_request, apply) =>
      Effect.suspend(() => apply({ source: "Bootstrap", sourceApi: undefined, body: project.payload() })),
    polls: Effect.succeed(false),
    updates: Stream.empty
  }
  const parts = Context.make(SpecSource, source).pipe(
    Context.add(EventLogger, logger),
    Context.add(UserAgentParser, NoUserAgentParser.parser),
    Context.add(CountryLookup, { lookup: noCountry }),
    Context.add(IdLists, MemoryIdLists.make()),
    Context.add(ObservabilityClient, NoObservability.client)
  )
  const made = makeInstance({ specsSyncInterval: "1 minute" }, chooseDefault, evaluator => marking(evaluator, project))
  const instance = yield* Effect.provide(made, parts)
  const runtime = yield* Effect.runtime<never>()
  // Flags are set synchronously, however many there are.
  const sync = Effect.orDie(inOneTurn(Context.get(instance, SpecStore).syncNow))
  yield* sync
  const syncNow = () => Runtime.runSync(runtime)(sync)
  yield* Effect.acquireRelease(
    Effect.sync(() => instances.add(syncNow)),
    () => Effect.sync(() => instances.delete(syncNow))
  )
  return instance
})

/**
 * The double to replace `layers/Statsig`, with initial flags, and `StatsigTest` to control it. It is initialized.
 *
 * @example
 * program.pipe(
 *   Effect.provide(
 *     StatsigTest.layer([
 *       { gate: "new_checkout", value: true },
 *       { gate: "beta", value: true, when: user => user.email === "ada@example.com" },
 *       { dynamicConfig: "pricing", value: { vat: 19 } },
 *       { experiment: "button", value: { color: "red" }, group: "Test", id: "u-1" },
 *       { layer: "home", value: { columns: 2 } },
 *       { parameterStore: "links", value: { help: "https://example.com/help" } }
 *     ])
 *   )
 * )
 *
 * @since 0.1.0
 */
export const layer = (settings: Iterable<Setting> = []): Layer.Layer<StatsigTest | Provided> =>
  Layer.unwrapEffect(
    Effect.sync(() => {
      const { control, layer } = make(settings)
      return Layer.merge(layer, Layer.succeed(StatsigTest, control))
    })
  )

const readable = ({ evaluation, kind, name, parameter, user }: Exposure): LoggedExposure => {
  const value = evaluation.value ?? {}
  const met = parameter === undefined ? value : ownValue(value, parameter)
  return {
    kind,
    name,
    parameter,
    value: kind === "gate" ? evaluation.bool : met === undefined ? undefined : copyJson(met),
    ruleID: (parameter === undefined ? undefined : evaluation.parameterRuleIDs?.get(parameter)) ?? ruleIDOf(evaluation),
    groupName: evaluation.groupName,
    userID: textOf(user.userID),
    user
  }
}

// --- the project

type TestTable = "feature_gates" | "dynamic_configs" | "layer_configs" | "param_stores"

/** One value of a flag and its audience. */
interface Case extends Audience {
  /** Marks the users of the case; also the key of the condition. */
  readonly mark: string
  readonly value: Json
  readonly group: string | undefined
}

interface TestEntry {
  readonly entity: string
  /** Cases for an id, then those for a function, the last set first, then the one for everyone. */
  readonly cases: ReadonlyArray<Case>
}

/** The private attribute that holds a user's marks: rules read it, and it is never logged. */
const marksField = "statsig-effect/StatsigTest"

const placeOf = (target: Setting | OverrideTarget): readonly [table: TestTable, name: string, entity: string] => {
  if ("gate" in target) return ["feature_gates", target.gate, "feature_gate"]
  if ("dynamicConfig" in target) return ["dynamic_configs", target.dynamicConfig, "dynamic_config"]
  if ("experiment" in target) return ["dynamic_configs", target.experiment, "experiment"]
  if ("layer" in target) return ["layer_configs", target.layer, "layer"]
  return ["param_stores", target.parameterStore, "parameter_store"]
}

/** The settings, and their config specs. */
class TestProject {
  /** Grows with each change. */
  time = 1
  #marks = 0
  readonly #tables: Readonly<Record<TestTable, Map<string, TestEntry>>> = {
    feature_gates: new Map(),
    dynamic_configs: new Map(),
    layer_configs: new Map(),
    param_stores: new Map()
  }

  set(setting: Setting): void {
    const [table, name, entity] = placeOf(setting)
    const { group, id, when }: Audience & { readonly group?: string | undefined } =
      entity === "parameter_store" ? {} : setting
    const known = this.#tables[table].get(name)
    const others = known?.entity === entity ? known.cases.filter(item => !isFor({ id, when })(item)) : []
    const mark = `case ${++this.#marks}`
    const cases = [{ id, when, group, value: toJson(setting.value) ?? null, mark }, ...others]
    const rank = (item: Case) => (item.id !== undefined ? 0 : item.when !== undefined ? 1 : 2)
    this.#tables[table].set(name, { entity, cases: cases.sort((one, other) => rank(one) - rank(other)) })
  }

  remove(target: OverrideTarget): void {
    const { id } = target
    const [table, name] = placeOf(target)
    const known = this.#tables[table].get(name)
    const cases = id === undefined ? [] : (known?.cases.filter(item => item.id !== id) ?? [])
    if (known === undefined || cases.length === 0) this.#tables[table].delete(name)
    else this.#tables[table].set(name, { ...known, cases })
  }

  clear(): void {
    for (const table of Object.values(this.#tables)) table.clear()
  }

  /** The value set for exactly this audience. */
  valueOf(target: OverrideTarget, audience: Audience): JsonObject {
    const [table, name] = placeOf(target)
    return asObject(this.#tables[table].get(name)?.cases.find(isFor(audience))?.value ?? null)
  }

  /** The marks of a user: of every value that applies to this user but not to everyone. */
  marksOf(user: User): ReadonlyArray<string> {
    return Object.values(this.#tables).flatMap(table =>
      [...table.values()].flatMap(({ cases }) =>
        cases.flatMap(({ id, mark, when }) => ((id !== undefined && hasID(user, id)) || when?.(user) ? [mark] : []))
      )
    )
  }

  payload(): string {
    const conditions: Array<readonly [string, object]> = []
    const specs = (table: TestTable) =>
      Object.fromEntries(
        [...this.#tables[table]].map(([name, { cases, entity }]) => {
          for (const { mark } of cases) conditions.push([mark, conditionOf(mark)])
          return [name, specOf(entity, cases)]
        })
      )
    return JSON.stringify({
      has_updates: true,
      time: this.time,
      feature_gates: specs("feature_gates"),
      dynamic_configs: specs("dynamic_configs"),
      layer_configs: specs("layer_configs"),
      condition_map: Object.fromEntries([["everyone", { ...condition, type: "public" }], ...conditions]),
      experiment_to_layer: {},
      param_stores: Object.fromEntries(
        [...this.#tables.param_stores].map(([name, { cases }]) => [
          name,
          { parameters: parametersOf(asObject(cases[0]?.value ?? null)) }
        ])
      )
    })
  }
}

const isFor =
  ({ id, when }: Audience) =>
  (item: Audience): boolean =>
    item.id === id && item.when === when

const hasID = (user: User, id: string): boolean =>
  textOf(user.userID) === id || Object.values(user.customIDs ?? {}).some(custom => textOf(custom) === id)

const condition = { targetValue: null, operator: null, field: null, additionalValues: {}, idType: "userID" }

const conditionOf = (mark: string) => ({
  ...condition,
  type: "user_field",
  field: marksField,
  operator: "array_contains_any",
  targetValue: [mark]
})

const specOf = (entity: string, cases: ReadonlyArray<Case>) => ({
  type: entity === "feature_gate" ? "feature_gate" : "dynamic_config",
  entity,
  salt: "",
  enabled: true,
  isActive: true,
  idType: "userID",
  defaultValue: entity === "feature_gate" ? false : {},
  // A gate passes with a rule that everyone passes; `false` is a rule that nobody passes.
  rules: cases.map(({ group, id, mark, value, when }) => {
    const name = group ?? id ?? (when === undefined ? "everyone" : "when")
    return {
      name,
      id: name,
      groupName: group ?? null,
      passPercentage: value === false ? 0 : 100,
      returnValue: value,
      conditions: [id === undefined && when === undefined ? "everyone" : mark],
      idType: "userID",
      isExperimentGroup: group !== undefined
    }
  })
})

const parametersOf = (value: JsonObject) =>
  Object.fromEntries(
    Object.entries(value).map(([name, parameter]) => [
      name,
      decodeParameter(parameter) === undefined
        ? { ref_type: "static", param_type: kindOf(parameter), value: parameter }
        : parameter
    ])
  )

/** An evaluator that adds the marks to users. The log contains the users without them. */
const marking = (evaluator: EvaluatorService, project: TestProject): EvaluatorService => {
  const marked = (user: User): User => {
    const marks = project.marksOf(user)
    if (marks.length === 0) return user
    return new User({ ...user, privateAttributes: { ...user.privateAttributes, [marksField]: marks } })
  }
  return {
    ...evaluator,
    gate: (user, ...rest) => evaluator.gate(marked(user), ...rest),
    dynamicConfig: (user, ...rest) => evaluator.dynamicConfig(marked(user), ...rest),
    experiment: (user, ...rest) => evaluator.experiment(marked(user), ...rest),
    layer: (user, ...rest) => evaluator.layer(marked(user), ...rest),
    look: (user, ...rest) => evaluator.look(marked(user), ...rest),
    parameterStore: (user, ...rest) => evaluator.parameterStore(marked(user), ...rest),
    explain: (user, ...rest) => evaluator.explain(marked(user), ...rest),
    writeClientInitializeResponse: (user, ...rest) => evaluator.writeClientInitializeResponse(marked(user), ...rest),
    overlaid: overlay => marking(evaluator.overlaid(overlay), project)
  }
}
