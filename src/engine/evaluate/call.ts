/**
 * One evaluation, from a name to a finished record.
 *
 * The reference describes evaluation as steps that write into one record, nested gates included. Several visible
 * results (the version, the group name, the exposures) depend on what a nested step left in the record. So the code
 * follows the same steps and writes to a single record.
 *
 * The nesting limit is that of the official SDK. Three more limits are ours, for cases where the official process would
 * overflow its stack, run for minutes or fill the memory. They end the evaluation with an error that names the limit.
 */

import type { CompiledCondition, Host, Place, Read, Subject } from "../conditions/conditions.js"
import type { UserValue } from "../conditions/values.js"
import { asObject, type Json, type JsonObject } from "../json.js"
import type { CompiledRule, CompiledSpec } from "../payload/compiled.js"
import type { Snapshot } from "../payload/snapshot.js"
import type { SpecKind } from "../specs.js"
import type { User } from "../user.js"
import { Evaluation } from "./evaluation.js"
import { type Exposures, join, noExposures } from "./exposures.js"
import { GroupOverride, type OverrideLookup } from "./overrides.js"
import type { RuleFilter } from "./sticky.js"
import type { Watcher } from "./watcher.js"

/** Evaluates the experiment that an `experiment_group` condition names, as a call of its own. */
export type EvaluateExperiment = (user: User, name: string) => Evaluation

/** State shared by the calls of one check. */
export class Work {
  depth = 0
  evaluations = 0
  /** How often a bandit has picked a group, possibly at random. */
  picks = 0
  /** Evaluations of the experiments that conditions have read. */
  readonly experiments = new Map<string, Evaluation>()

  /** Starts a new check. */
  begin(): void {
    this.evaluations = 0
    if (this.experiments.size > 0) this.experiments.clear()
  }
}

/** The nesting limit of the official SDK. */
const maxNested = 300
/** Evaluations on the stack at once; the limit above is reset by config mappings. */
const maxCallDepth = 600
/** Specs evaluated in one check, about a second of work. Gates that remain unsupported are evaluated each time. */
const maxEvaluations = 1_000_000
/** Secondary exposures of one check. They can double with each level of nesting; 20 levels fit. */
const maxExposures = 2 ** 21

/** Thrown and caught inside this module: the nesting limit of the official SDK was passed. */
const tooDeep = new Error("Statsig Evaluation Depth Exceeded")
/** One of our own limits was passed; ends the whole call. */
const exhaustedStack = new Error(tooDeep.message)
const tooManyEvaluations = new Error(`more than ${maxEvaluations} evaluations in one check`)
const tooManyExposures = new Error(`more than ${maxExposures} secondary exposures in one check`)

/** The reason of every evaluation that used an override. */
export const overrideReason = "LocalOverride:Recognized"

/** What a nested gate left in the record, as stored in the memo. */
export interface NestedResult {
  readonly bool: boolean
  readonly ruleID: string | undefined
  readonly exposures: Exposures
  readonly hasUnsampled: boolean
}

/** Nested gates that were evaluated already, by name. They are not evaluated again. */
export interface NestedMemo {
  readonly get: (name: string) => NestedResult | undefined
  readonly set: (name: string, result: NestedResult) => unknown
}

/** What conditions are evaluated against. */
export interface EvaluationSetting {
  readonly snapshot: Snapshot | undefined
  readonly host: Host
  /** The environment's tier for users without one. */
  readonly tier: string | undefined
}

/** The options of a call besides its user and its setting. */
export interface CallOptions {
  /** Without it, conditions on the group of an experiment are unsupported. */
  readonly experiment?: EvaluateExperiment | undefined
  readonly overrides?: OverrideLookup | undefined
  /** Limits the first level to the rules it accepts; overrides, mappings and bandits are then skipped. */
  readonly filter?: RuleFilter | undefined
  readonly watcher?: Watcher | undefined
}

const noOptions: CallOptions = {}

/** The state of one evaluation. */
export class Call implements Subject {
  record = new Evaluation()
  readonly user: User
  readonly snapshot: Snapshot | undefined
  readonly host: Host
  readonly tier: string | undefined
  appId: Json | undefined
  /** Can be shared between calls. */
  memo: NestedMemo | undefined = undefined
  readonly #experiment: EvaluateExperiment | undefined
  readonly #work: Work
  readonly #overrides: OverrideLookup | undefined
  readonly #filter: RuleFilter | undefined
  readonly #watcher: Watcher | undefined
  readonly found: Subject["found"]
  /** Where the last value was found. */
  #place: Place | undefined = undefined
  #nested = 0

  constructor(user: User, setting: EvaluationSetting, work: Work, options: CallOptions = noOptions) {
    const { snapshot } = setting
    this.user = user
    this.snapshot = snapshot
    this.host = setting.host
    this.tier = setting.tier
    this.appId = snapshot?.appId
    this.#work = work
    this.#experiment = options.experiment
    this.#overrides = options.overrides
    this.#filter = options.filter
    this.#watcher = options.watcher
    this.found =
      options.watcher &&
      (place => {
        this.#place = place
      })
  }

  /** Evaluates a name. Returns whether it exists, or an error message. */
  run(kind: SpecKind, name: string): boolean | string {
    const work = this.#work
    const { depth } = work
    if (depth === 0) work.begin()
    try {
      return this.#evaluate(kind, name)
    } catch (error) {
      this.#watcher?.({ step: "abandoned", count: work.depth - depth })
      // A caller deep in its own stack may leave no room for ours; this counts as nesting too deep.
      return error instanceof RangeError ? tooDeep.message : error instanceof Error ? error.message : String(error)
    } finally {
      work.depth = depth
    }
  }

  experimentGroup(name: string | undefined): UserValue {
    if (name === undefined || this.#experiment === undefined) return undefined
    this.#spend()
    const { groupName } = this.#experiment(this.user, name)
    // The experiment's own call has ended with an error, so this one must end too.
    if (this.#work.evaluations > maxEvaluations) throw tooManyEvaluations
    return groupName
  }

  lacks(reason: string): void {
    this.record.overrideReason = reason
    this.#watcher?.({ step: "lack", reason })
  }

  #spend(): void {
    if (this.#work.depth >= maxCallDepth) throw exhaustedStack
    if (++this.#work.evaluations > maxEvaluations) throw tooManyEvaluations
  }

  /** An unsupported condition leaves the result of the previous condition unchanged. */
  #apply(condition: CompiledCondition): void {
    switch (condition.kind) {
      case "test":
        this.record.bool = this.#test(condition)
        break
      case "gate":
        this.#nestedGate(condition.gate, condition.negated)
        break
      case "experiment":
        this.record.bool = this.#test(condition)
        if (this.#experiment === undefined) this.record.unsupported = true
        break
      case "unsupported":
        if (condition.read !== undefined && (condition.mustRead || this.#watcher !== undefined)) {
          this.#tellOperand(this.#read(condition.read))
        }
        this.record.unsupported = true
    }
  }

  /** A watcher needs the value between the two steps of a test. */
  #test({ steps, test }: CompiledCondition & { readonly kind: "test" | "experiment" }): boolean {
    if (this.#watcher === undefined || steps === undefined) return test(this)
    const value = this.#read(steps.read)
    const holds = steps.decide(value, this)
    this.#tellOperand(value)
    return holds
  }

  #read(read: Read): UserValue {
    this.#place = undefined
    return read(this)
  }

  #tellOperand(value: UserValue): void {
    this.#watcher?.({ step: "operand", value, place: this.#place })
  }

  /** A `pass_gate` or `fail_gate` condition. */
  #nestedGate(name: string, negated: boolean): void {
    const known = this.memo?.get(name)
    if (known !== undefined) {
      const { record } = this
      record.bool = known.bool
      record.ruleID = known.ruleID
      if (known.hasUnsampled) record.hasUnsampledSecondaryExposure = true
      this.#addExposures(known.exposures)
    } else {
      this.#enter()
      const saved = this.record.exposures
      this.record.exposures = noExposures
      this.#evaluate("gate", name)
      const { record } = this
      if (record.unsupported) return
      if (name !== "") {
        this.memo ??= new Map()
        this.memo.set(name, {
          bool: record.bool,
          ruleID: record.ruleID,
          exposures: record.exposures,
          hasUnsampled: record.hasUnsampledSecondaryExposure
        })
      }
      const nested = record.exposures
      record.exposures = saved
      this.#addExposures(nested)
    }
    const { record } = this
    this.#expose(name, record.bool, record.ruleID)
    if (negated) record.bool = !record.bool
  }

  #expose(gate: string, bool: boolean, ruleID: string | undefined): void {
    if (ruleID === undefined || ruleID === "" || gate.startsWith("segment:")) return
    const { record } = this
    if (record.samplingRate === undefined) record.hasUnsampledSecondaryExposure = true
    this.#addExposures([{ gate, gateValue: bool ? "true" : "false", ruleID }])
  }

  #addExposures(exposures: Exposures): void {
    this.record.exposures = bounded(join(this.record.exposures, exposures))
  }

  /** Goes one nesting level down. */
  #enter(): void {
    this.#nested++
    this.record.bool = false
    this.record.value = undefined
    if (this.#nested > maxNested) throw tooDeep
  }

  /** Starts a config mapping with a fresh record. */
  #reset(): void {
    this.record = new Evaluation()
    this.#nested = 0
  }

  #evaluate(kind: SpecKind, name: string): boolean {
    this.#spend()
    this.#work.depth++
    this.#watcher?.({ step: "begin", kind, name })
    const recognized = this.#evaluateSpec(kind, name)
    this.#watcher?.({ step: "end", record: this.record, found: recognized })
    this.#work.depth--
    return recognized
  }

  #evaluateSpec(kind: SpecKind, name: string): boolean {
    const { snapshot } = this
    const filter = this.#nested === 0 ? this.#filter : undefined
    if (this.#overrides !== undefined && filter === undefined && this.#override(this.#overrides, kind, name))
      return true
    if (snapshot === undefined) return false
    const spec = snapshot.spec(kind, name)
    if (filter === undefined) {
      if (snapshot.hasMappings && this.#configMapping(snapshot, kind, name, spec)) return true
      if (kind === "experiment" && snapshot.bandits.size > 0 && this.#bandit(snapshot, name)) return true
    }
    if (spec === undefined) return false
    const { record } = this
    record.name ??= name
    record.idType ??= spec.idType
    record.version ??= spec.version
    if (spec.isActive !== undefined) record.isExperimentActive = spec.isActive
    if (spec.hasSharedParams !== undefined) record.isInLayer = spec.hasSharedParams
    if (spec.explicitParameters !== undefined) record.explicitParameters = spec.explicitParameters
    if (kind === "layer" && spec.useNewLayerEval) {
      this.#newLayer(spec)
      return true
    }
    const rules = filter === undefined ? spec.rules : spec.rules.filter(rule => filter(rule.id))
    this.#watcher?.({ step: "spec", spec, rules })
    if (filter !== undefined && rules.length === 0) {
      this.#finish(spec, undefined)
      return true
    }
    for (const rule of rules) {
      this.#evaluateRule(rule)
      // Nested gates may have replaced the record.
      const now = this.record
      if (now.unsupported) return true
      if (!now.bool) continue
      if (rule.configDelegate !== undefined && this.#delegate(rule.configDelegate)) {
        this.#finish(spec, undefined)
        return true
      }
      if (this.#passes(rule)) {
        now.bool = rule.returnValue !== false
        now.value = asObject(rule.returnValue)
      } else {
        now.bool = spec.defaultValue === true
        now.value = asObject(spec.defaultValue)
      }
      now.ruleID = rule.id
      now.groupName = rule.groupName
      now.isExperimentGroup = rule.isExperimentGroup
      now.isExperimentActive = spec.isActive ?? false
      this.#finish(spec, rule)
      return true
    }
    const last = this.record
    last.bool = spec.defaultValue === true
    last.value = asObject(spec.defaultValue)
    last.ruleID = spec.enabled ? "default" : "disabled"
    this.#finish(spec, undefined)
    return true
  }

  #finish(spec: CompiledSpec, rule: CompiledRule | undefined): void {
    const { record } = this
    record.samplingRate = rule?.samplingRate
    record.forwardAllExposures = spec.forwardAllExposures
    if (this.#nested > 0) {
      this.#nested--
      return
    }
    if (record.exposures.length === 0 || record.undelegated !== undefined) return
    record.undelegated = record.exposures
  }

  /**
   * Conditions with side effects also run after one that failed: their nested gates are exposures. A missing condition
   * ends the rule with the result of the one before it, so in such a rule no earlier condition may be skipped.
   */
  #evaluateRule(rule: CompiledRule): void {
    const watcher = this.#watcher
    watcher?.({ step: "rule", rule })
    let all = true
    for (const condition of rule.conditions) {
      if (condition.kind === "missing") {
        this.record.unsupported = true
        watcher?.({ step: "condition" })
        watcher?.({ step: "conditionEnd", condition, record: this.record })
        watcher?.({ step: "ruleEnd", record: this.record })
        return
      }
      if (!all && rule.isWhole && condition.kind === "test" && !condition.mayLack && watcher === undefined) continue
      watcher?.({ step: "condition" })
      this.#apply(condition)
      watcher?.({ step: "conditionEnd", condition, record: this.record })
      if (!this.record.bool) all = false
    }
    this.record.bool = all
    watcher?.({ step: "ruleEnd", record: this.record })
  }

  /** Whether the user is within the pass percentage. */
  #passes(rule: CompiledRule): boolean {
    const passes = rule.passes(this.user)
    this.#watcher?.({ step: "percentage", rule, passes })
    return passes
  }

  /** Whether the program overrides the name. Other fields of the record stay unchanged. */
  #override(overrides: OverrideLookup, kind: SpecKind, name: string): boolean {
    const value = overrides.find(kind, name, this.user)
    if (value === undefined) return false
    const { record } = this
    if (typeof value === "boolean") record.bool = value
    else record.value = value instanceof GroupOverride ? this.#groupValue(name, value.groupName) : value
    record.ruleID = "override"
    record.overrideReason = overrideReason
    this.#watcher?.({ step: "override", value, record })
    return true
  }

  #groupValue(experiment: string, groupName: string): JsonObject | undefined {
    const rule = this.snapshot?.spec("experiment", experiment)?.rules.find(rule => rule.groupName === groupName)
    return rule && asObject(rule.returnValue)
  }

  #configMapping(snapshot: Snapshot, kind: SpecKind, name: string, spec: CompiledSpec | undefined): boolean {
    const mappings = snapshot.mappings(name, spec?.salt ?? "")
    if (mappings === undefined) return false
    for (const mapping of mappings) {
      this.#watcher?.({ step: "mapping", mapping })
      for (const mappingRule of mapping.rules) {
        const { rule, startTime } = mappingRule
        const isStarted = startTime <= 0 || startTime <= this.host.now()
        this.#watcher?.({ step: "mappingRule", rule: mappingRule, isStarted })
        if (!isStarted || rule === undefined) continue
        const passed = this.#holds(() => {
          this.#evaluateRule(rule)
          return this.record.bool && !this.record.unsupported
        })
        this.#reset()
        if (!passed || !this.#passes(rule)) continue
        this.record.overrideConfigName = mapping.newConfigName
        const isTaken = this.#holds(() => this.#evaluate(kind, mapping.newConfigName))
        this.#watcher?.({ step: "mappingEnd", isTaken })
        if (isTaken) return true
        this.#reset()
        break
      }
    }
    return false
  }

  /** Runs a part whose failure ends nothing else; nesting too deep counts as `false`. */
  #holds(part: () => boolean): boolean {
    const { depth } = this.#work
    try {
      return part()
    } catch (error) {
      if (error !== tooDeep) throw error
      this.#watcher?.({ step: "abandoned", count: this.#work.depth - depth })
      this.#work.depth = depth
      return false
    }
  }

  #delegate(name: string): boolean {
    if (!this.snapshot?.hasDynamicConfig(name)) return false
    this.record.undelegated = this.record.exposures
    this.#enter()
    if (!this.#evaluate("experiment", name)) {
      this.record.undelegated = undefined
      return false
    }
    const { record } = this
    record.explicitParameters = this.snapshot.spec("experiment", name)?.explicitParameters
    record.configDelegate = name
    return true
  }

  #bandit(snapshot: Snapshot, name: string): boolean {
    const bandit = snapshot.bandits.get(name)
    if (bandit === undefined) return false
    const settle = (ruleID: string): true => {
      const { record } = this
      record.idType = bandit.idType
      record.version = bandit.version
      record.isExperimentActive = bandit.enabled
      record.bool = false
      record.ruleID = ruleID
      record.value = asObject(bandit.defaultValue)
      return true
    }
    this.#watcher?.({ step: "bandit", bandit })
    if (!bandit.enabled || bandit.groups.length === 0) return settle("prestart")
    const gate = bandit.targetingGateName
    if (gate !== undefined) {
      let isEntered = false
      this.#holds(() => {
        this.#enter()
        isEntered = true
        return this.#evaluate("gate", gate)
      })
      const { record } = this
      const passed = record.bool
      if (isEntered && !gate.startsWith("segment:")) {
        this.#addExposures([{ gate, gateValue: passed ? "true" : "false", ruleID: record.ruleID ?? "" }])
      }
      if (!passed) return settle("inlineTargetingRules")
    }
    const { record } = this
    record.idType = bandit.idType
    record.version = bandit.version
    record.isExperimentActive = bandit.enabled
    const pick = bandit.pick(this)
    const { group, suffix } = pick
    this.#work.picks++
    this.#watcher?.({ step: "pick", bandit, pick, subject: this })
    record.bool = true
    record.ruleID = group.id
    // A nested bandit's suffix stays when this one has none.
    record.ruleSuffix = suffix ?? record.ruleSuffix
    record.groupName = group.name
    record.value = asObject(group.parameterValues)
    return true
  }

  #newLayer(spec: CompiledSpec): void {
    let passedAny = false
    let passed = false
    let ruleID = "default"
    let groupName: string | undefined
    let delegate: string | undefined
    let isGroup = false
    let explicit: ReadonlyArray<string> | undefined
    let exposures = noExposures
    const values = new Map<string, Json>()
    const ruleIDs = new Map<string, string>()
    const merge = (value: JsonObject | undefined, from: string) => {
      if (value === undefined) return
      for (const key of Object.keys(value)) {
        if (values.has(key)) continue
        values.set(key, value[key] as Json)
        ruleIDs.set(key, from)
      }
    }
    const gather = () => {
      exposures = bounded(join(exposures, this.record.exposures))
      this.record.exposures = noExposures
    }
    this.#watcher?.({ step: "spec", spec, rules: spec.rules })
    for (const rule of spec.rules) {
      this.#evaluateRule(rule)
      gather()
      if (this.record.unsupported) return
      if (!this.record.bool || !this.#passes(rule)) continue
      if (rule.configDelegate !== undefined && this.#delegate(rule.configDelegate)) {
        const { value } = this.record
        const adds = !passedAny && value !== undefined && !Object.keys(value).some(key => values.has(key))
        this.#watcher?.({ step: "merge", adds })
        if (!adds) continue
        const { record } = this
        merge(record.value, rule.id)
        gather()
        passed = record.bool
        delegate = record.configDelegate
        groupName = record.groupName
        ruleID = rule.id
        isGroup = rule.isExperimentGroup
        explicit = record.explicitParameters
      } else {
        passed = this.record.bool
        merge(asObject(rule.returnValue), rule.id)
        this.#watcher?.({ step: "merge", adds: true })
      }
      passedAny = true
    }
    merge(asObject(spec.defaultValue), "default")
    const { record } = this
    record.bool = passed
    record.configDelegate = delegate
    record.groupName = groupName
    record.ruleID = ruleID
    record.value = Object.fromEntries(values)
    record.isExperimentGroup = isGroup
    record.isExperimentActive = spec.isActive ?? false
    record.explicitParameters = explicit
    record.exposures = exposures
    record.undelegated = noExposures
    record.parameterRuleIDs = ruleIDs
    this.#finish(spec, undefined)
  }
}

const bounded = (exposures: Exposures): Exposures => {
  if (exposures.length > maxExposures) throw tooManyExposures
  return exposures
}
