/**
 * Compiled specs, as evaluations read them.
 *
 * There may be many thousands, and each may have been used. So one object holds a spec and one holds a rule, with the
 * decoded fields as they are, and texts that occur often are shared.
 */
import { type CompiledCondition, compileUnit, FieldTexts, type Selection } from "../conditions/conditions.js"
import { textOf, type UserValue } from "../conditions/values.js"
import { type Bucketer, Bucketers } from "../hashing/bucketing.js"
import type { Json } from "../json.js"
import type { Rule, Spec } from "../specs.js"
import type { User } from "../user.js"

/** Buckets of a pass percentage. */
const buckets = 10_000

/** What the compiled parts of one payload, and of those after it, share. */
export class SharedParts {
  readonly bucketers = new Bucketers()
  readonly fieldTexts = new FieldTexts()
  readonly #texts = new Map<string, string>()
  readonly #units = new Map<string, (user: User) => UserValue>()
  readonly #alone = new WeakMap<CompiledCondition, ReadonlyArray<CompiledCondition>>()

  /** One text for all equal ones. For texts of which there are few, such as id types. */
  text(text: string): string {
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    this.#texts.set(text, text)
    return text
  }

  /** One list for all equal ones of a single condition, such as that of everyone. */
  list(conditions: ReadonlyArray<CompiledCondition>): ReadonlyArray<CompiledCondition> {
    const [only] = conditions
    if (only === undefined || conditions.length > 1) return conditions
    const known = this.#alone.get(only)
    if (known !== undefined) return known
    this.#alone.set(only, conditions)
    return conditions
  }

  /** The reader of an id type. */
  unit(idType: string): (user: User) => UserValue {
    let unit = this.#units.get(idType)
    if (unit === undefined) {
      unit = compileUnit(idType)
      this.#units.set(idType, unit)
    }
    return unit
  }

  /** The number of parts that only later payloads could still use. */
  get size(): number {
    return this.bucketers.size + this.#texts.size
  }
}

/** A compiled rule. */
export class CompiledRule implements Omit<Rule, "conditions"> {
  readonly name: string
  readonly id: string
  readonly passPercentage: number
  readonly returnValue: Json
  readonly salt: string | undefined
  readonly idType: string
  readonly groupName: string | undefined
  readonly configDelegate: string | undefined
  readonly isExperimentGroup: boolean
  readonly samplingRate: number | undefined
  readonly conditions: ReadonlyArray<CompiledCondition>
  /** Whether no condition is missing or invalid. */
  readonly isWhole: boolean
  readonly selection: Selection
  /** The salt of its spec. */
  readonly specSalt: string
  readonly #parts: SharedParts
  #bucketer: Bucketer | undefined = undefined

  constructor(rule: Rule, specSalt: string, conditions: ReadonlyArray<CompiledCondition>, parts: SharedParts) {
    this.id = rule.id
    this.name = rule.name === rule.id ? rule.id : rule.name
    this.passPercentage = rule.passPercentage
    this.returnValue = rule.returnValue
    this.salt = rule.salt
    this.idType = parts.text(rule.idType)
    this.groupName = rule.groupName
    this.configDelegate = rule.configDelegate
    this.isExperimentGroup = rule.isExperimentGroup ?? false
    this.samplingRate = rule.samplingRate
    this.conditions = parts.list(conditions)
    this.isWhole = conditions.every(({ kind }) => kind !== "missing")
    this.selection = selectionOf(rule, conditions)
    this.specSalt = specSalt
    this.#parts = parts
  }

  /** Tells it from a condition. A getter takes no memory. */
  get kind(): "rule" {
    return "rule"
  }

  /** Users whose bucket is below it are within the pass percentage. */
  get threshold(): number {
    return this.passPercentage * 100
  }

  /** It is hashed before the unit ID, with a dot. */
  get bucketSalt(): string {
    return `${this.specSalt}.${this.salt ?? this.id}`
  }

  /** The user's bucket of 10,000. */
  bucketOf(user: User): number {
    // Only a rule that splits users keeps what that takes.
    this.#bucketer ??= this.#parts.bucketers.make(`${this.bucketSalt}.`, buckets)
    return this.#bucketer.of(textOf(this.#parts.unit(this.idType)(user)) ?? "")
  }

  /** Whether the user is within the pass percentage. */
  passes(user: User): boolean {
    const { threshold } = this
    return threshold >= buckets || (threshold > 0 && this.bucketOf(user) < threshold)
  }
}

/** A compiled spec. */
export class CompiledSpec implements Omit<Spec, "rules"> {
  /** Whether a check asked for it. */
  isAsked = false
  readonly salt: string
  readonly defaultValue: Json
  readonly enabled: boolean
  readonly rules: ReadonlyArray<CompiledRule>
  readonly idType: string
  readonly entity: string
  readonly explicitParameters: ReadonlyArray<string> | undefined
  readonly hasSharedParams: boolean | undefined
  readonly isActive: boolean | undefined
  readonly version: number | undefined
  readonly targetAppIDs: ReadonlyArray<string> | undefined
  readonly forwardAllExposures: boolean
  readonly fieldsUsed: ReadonlyArray<string> | undefined
  readonly useNewLayerEval: boolean

  constructor(spec: Spec, rules: ReadonlyArray<CompiledRule>, parts: SharedParts) {
    this.salt = spec.salt
    this.defaultValue = spec.defaultValue
    this.enabled = spec.enabled
    this.rules = rules
    this.idType = parts.text(spec.idType)
    this.entity = parts.text(spec.entity)
    this.explicitParameters = spec.explicitParameters
    this.hasSharedParams = spec.hasSharedParams
    this.isActive = spec.isActive
    this.version = spec.version
    this.targetAppIDs = spec.targetAppIDs
    this.forwardAllExposures = spec.forwardAllExposures ?? false
    this.fieldsUsed = spec.fieldsUsed
    this.useNewLayerEval = spec.useNewLayerEval ?? false
  }

  /** Whether a rule uses one of the conditions. */
  usesOneOf(conditions: ReadonlySet<string>): boolean {
    return conditions.size > 0 && this.rules.some(rule => rule.conditions.some(({ key }) => conditions.has(key)))
  }
}

const selectionOf = ({ passPercentage }: Rule, conditions: ReadonlyArray<CompiledCondition>): Selection => {
  const selections = conditions.map(condition => (condition.kind === "test" ? condition.selection : "targeting"))
  if ((passPercentage > 0 && passPercentage < 100) || selections.includes("split")) return "split"
  return selections.includes("targeting") ? "targeting" : "everyone"
}
