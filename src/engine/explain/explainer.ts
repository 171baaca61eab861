/**
 * The watcher that records how an evaluation proceeds.
 *
 * It only records the steps reported to it, so an explanation shows exactly what the check did.
 */
import { scoreOf } from "../conditions/bandit.js"
import { compileUnit } from "../conditions/conditions.js"
import { textOf } from "../conditions/values.js"
import { type Evaluation, ruleIDOf } from "../evaluate/evaluation.js"
import { GroupOverride } from "../evaluate/overrides.js"
import type { Step, Watcher } from "../evaluate/watcher.js"
import { asObject, copyJson, copyJsonObject, type JsonObject, literalOf, NumberLiteral, plain } from "../json.js"
import type { CompiledRule } from "../payload/compiled.js"
import type { Snapshot } from "../payload/snapshot.js"
import type { Condition, SpecKind } from "../specs.js"
import type { User } from "../user.js"
import type {
  DecidedBy,
  ExplainedBandit,
  ExplainedBucket,
  ExplainedCondition,
  ExplainedEvaluation,
  ExplainedMapping,
  ExplainedMappingRule,
  ExplainedRule
} from "./explanation.js"
import { kindWords } from "./render.js"

/** Nesting levels of evaluations that are shown. Deeper ones show only their result. */
const maxShownDepth = 40
/** Evaluations shown in total. */
const maxShown = 2_000

/** An explanation whose members may still be set, and whose lists still grow. */
type Draft<A> = { -readonly [Key in keyof A]: A[Key] extends ReadonlyArray<infer Item> ? Array<Item> : A[Key] }

type StepOf<Name extends Step["step"]> = Extract<Step, { readonly step: Name }>

type Steps = { readonly [Name in Step["step"]]: (step: StepOf<Name>) => void }

/** An evaluation in progress. */
class Frame {
  readonly explained: Draft<ExplainedEvaluation>
  /** Stores the next nested evaluation in its place. */
  place: (explained: ExplainedEvaluation) => void = noPlace
  /** The rules that will be evaluated, in this order. */
  ahead: Array<Draft<ExplainedRule>> = []
  rule: Draft<ExplainedRule> | undefined = undefined
  ruleKeys: ReadonlyArray<string> = []
  condition: Draft<ExplainedCondition> | undefined = undefined
  mapping: Draft<ExplainedMapping> | undefined = undefined
  bandit: Draft<ExplainedBandit> | undefined = undefined
  addsValues = false

  constructor(kind: SpecKind, name: string) {
    this.explained = { kind, name, value: null, ruleID: null }
  }

  /** The config mapping being checked, before any rule of the spec. */
  get openMapping(): Draft<ExplainedMapping> | undefined {
    return this.explained.spec === undefined ? this.mapping : undefined
  }
}

const noPlace = () => {}

/** These are counted even where evaluations are omitted. */
const countedSteps: ReadonlySet<Step["step"]> = new Set(["begin", "end", "abandoned"])

/** Records one explanation: each kind of step has the method of its name. */
export class Explainer implements Steps {
  /** The parent of all top-level evaluations. */
  readonly #root = new Frame("gate", "")
  readonly #open: Array<Frame> = []
  #top = this.#root
  /** While nested evaluations are omitted: the number of open ones, including the omitted one. */
  #omitted = 0
  readonly #gates = new Map<string, ExplainedEvaluation>()
  readonly #conditions = new Map<string, ExplainedCondition>()
  #evaluations = 0

  constructor(
    private readonly user: User,
    private readonly snapshot: Snapshot | undefined
  ) {}

  /** Runs an evaluation and returns its result with its explanation. */
  explained<A>(evaluate: () => A): readonly [A, ExplainedEvaluation] {
    const top = this.#top
    const { place } = top
    let explained = top.explained
    top.place = begun => {
      explained = begun
    }
    const result = evaluate()
    top.place = place
    return [result, explained]
  }

  readonly watch: Watcher = step => {
    if (this.#omitted === 0 || countedSteps.has(step.step)) (this[step.step] as (step: Step) => void)(step)
  }

  // --- evaluations

  begin({ kind, name }: StepOf<"begin">): void {
    this.#evaluations++
    if (this.#omitted > 0) {
      this.#omitted++
      return
    }
    const frame = new Frame(kind, name)
    const { explained } = frame
    this.#top.place(explained)
    const omitted = this.#omittedAs(kind, name)
    if (omitted === undefined) explained.decidedBy = "error"
    else {
      explained.omitted = omitted
      this.#omitted = 1
    }
    this.#open.push(frame)
    this.#top = frame
  }

  #omittedAs(kind: SpecKind, name: string): ExplainedEvaluation["omitted"] {
    if (this.#open.some(({ explained }) => explained.kind === kind && explained.name === name)) return "circle"
    if (this.#open.length >= maxShownDepth) return "depth"
    return this.#evaluations > maxShown ? "size" : undefined
  }

  #close(): Draft<ExplainedEvaluation> {
    const { explained } = this.#top
    this.#open.pop()
    this.#top = this.#open.at(-1) ?? this.#root
    this.#omitted = 0
    return explained
  }

  abandoned({ count }: StepOf<"abandoned">): void {
    for (let left = count; left > 0; left--) {
      if (this.#omitted > 1) this.#omitted--
      else this.#close().problem ??= "not finished: evaluations are nested too deep, or there are too many"
    }
  }

  end({ found, record }: StepOf<"end">): void {
    if (this.#omitted > 1) {
      this.#omitted--
      return
    }
    const decidedBy = this.#decidedBy(found)
    const explained = this.#close()
    explained.value = valueOf(explained.kind, record)
    if (found) explained.ruleID = (explained.kind === "gate" ? record.ruleID : ruleIDOf(record)) ?? null
    if (explained.omitted !== undefined) return
    explained.decidedBy = decidedBy
    if (decidedBy === "unknown") {
      explained.problem =
        this.snapshot === undefined
          ? "there are no specs"
          : `the specs have no ${kindWords[explained.kind]} of this name`
    }
    if (explained.kind === "gate") this.#gates.set(explained.name, explained)
  }

  #decidedBy(found: boolean): DecidedBy {
    const { addsValues, bandit, explained, mapping, rule } = this.#top
    if (explained.override !== undefined) return "override"
    if (mapping?.isTaken === true) return "mapping"
    if (!found) return "unknown"
    if (bandit !== undefined) return "bandit"
    const result = rule?.result
    if (result === "unsupported") return "unsupported"
    if (addsValues) return "rules"
    if (result === "delegates") return "delegate"
    const { kind, name } = explained
    const isNewLayer = kind === "layer" && this.snapshot?.spec(kind, name)?.useNewLayerEval === true
    return result === "passes" || (result === "outsidePercentage" && !isNewLayer) ? "rule" : "default"
  }

  override({ record, value }: StepOf<"override">): void {
    const { explained } = this.#top
    const group = value instanceof GroupOverride ? value.groupName : undefined
    explained.override = defined({ value: valueOf(explained.kind, record), groupName: group })
    if (group !== undefined && record.value === undefined) {
      explained.problem = `the experiment has no group "${group}": the value is empty`
    }
  }

  spec({ rules, spec }: StepOf<"spec">): void {
    const frame = this.#top
    const { enabled, entity, idType, isActive, salt, version } = spec
    const defaultValue = copyJson(spec.defaultValue)
    frame.explained.spec = defined({ entity, enabled, idType, salt, isActive, version, defaultValue })
    // A rule of a config mapping has not decided anything.
    frame.rule = undefined
    frame.ahead = rules.map(openRule)
    frame.explained.rules = frame.ahead.slice()
  }

  // --- rules

  rule({ rule }: StepOf<"rule">): void {
    const frame = this.#top
    const open = frame.ahead.shift() ?? openRule(rule)
    open.result = "error"
    frame.rule = open
    frame.ruleKeys = rule.conditions.map(({ key }) => key)
    const last: Draft<ExplainedMappingRule> | undefined = frame.openMapping?.rules.at(-1)
    if (last !== undefined) last.rule = open
  }

  condition(): void {
    const frame = this.#top
    if (frame.rule === undefined) return
    const { conditions } = frame.rule
    const condition: Draft<ExplainedCondition> = { ...this.#source(frame.ruleKeys[conditions.length] ?? "") }
    conditions.push(condition)
    frame.condition = condition
    frame.place = begun => {
      condition.gate = begun
    }
  }

  /** Rules share conditions, whose targets may be long. */
  #source(key: string): ExplainedCondition {
    const source = this.#conditions.get(key) ?? openCondition(key, this.snapshot?.condition(key))
    this.#conditions.set(key, source)
    return source
  }

  /** Records the experiment whose group a condition compares. */
  experimentRead(name: string, { groupName }: Evaluation, experiment: ExplainedEvaluation): void {
    const { condition } = this.#top
    if (this.#omitted > 0 || condition === undefined) return
    condition.experiment = experiment
    condition.operand =
      groupName === undefined
        ? { foundIn: "nothing", key: name }
        : { value: groupName, foundIn: "experiment", key: name }
  }

  operand({ place = { foundIn: "nothing" }, value }: StepOf<"operand">): void {
    const { condition } = this.#top
    if (condition === undefined) return
    condition.operand ??= value === undefined ? { foundIn: "nothing" } : { value: copyJson(value), ...place }
  }

  lack({ reason }: StepOf<"lack">): void {
    const { condition } = this.#top
    if (condition === undefined) return
    condition.problem = reason.startsWith("UAParser")
      ? "there is no user agent parser: nothing is known of the user agent"
      : "there is no country table: nothing is known of the address"
  }

  conditionEnd({ condition: compiled, record }: StepOf<"conditionEnd">): void {
    const frame = this.#top
    const { condition } = frame
    frame.condition = undefined
    frame.place = noPlace
    if (condition === undefined || compiled.kind === "missing") return
    if (compiled.kind === "gate") {
      condition.gate ??= this.#repeated(compiled.gate, record.bool !== compiled.negated, record.ruleID)
      if (!record.unsupported) condition.passes = record.bool
      else condition.problem = "not decided: something in it, or before it in the rule, is unsupported"
    } else if (compiled.kind === "unsupported") condition.problem = compiled.problem
    else condition.passes = record.bool
  }

  #repeated(name: string, value: boolean, ruleID: string | undefined): ExplainedEvaluation {
    const known = this.#gates.get(name)
    return {
      kind: "gate",
      name,
      value,
      ruleID: known === undefined ? (ruleID ?? null) : known.ruleID,
      omitted: "repeated"
    }
  }

  ruleEnd({ record }: StepOf<"ruleEnd">): void {
    const { rule } = this.#top
    if (rule === undefined) return
    const answers = rule.conditions.map(({ passes }) => passes)
    rule.conditionsPass = answers.includes(null) ? null : !answers.includes(false)
    rule.result = record.unsupported ? "unsupported" : record.bool ? "passes" : "fails"
    const { delegate } = rule
    if (!record.bool || delegate === undefined) return
    this.#top.place = begun => {
      rule.delegate = { ...delegate, evaluation: begun }
      rule.result = "delegates"
    }
  }

  percentage({ passes, rule }: StepOf<"percentage">): void {
    const frame = this.#top
    if (frame.rule === undefined) return
    const { bucketSalt, idType, threshold } = rule
    frame.rule.bucket = this.#bucket(idType, bucketSalt, rule.bucketOf(this.user), threshold, passes)
    frame.rule.result = passes ? "passes" : "outsidePercentage"
    const mapping = frame.openMapping
    if (mapping === undefined) return
    frame.place = begun => {
      mapping.target = begun
    }
  }

  merge({ adds }: StepOf<"merge">): void {
    const frame = this.#top
    if (adds) frame.addsValues = true
    else if (frame.rule !== undefined) frame.rule.result = "skipped"
  }

  #bucket(idType: string, salt: string, value: number, threshold: number, passes: boolean): ExplainedBucket {
    const unitID = textOf(compileUnit(idType)(this.user)) ?? ""
    return { idType, unitID, salt, value, threshold, passes }
  }

  // --- config mappings

  mapping({ mapping: { newConfigName } }: StepOf<"mapping">): void {
    const { explained } = this.#top
    const mapping = { newConfigName, rules: [], isTaken: false }
    explained.mappings = [...(explained.mappings ?? []), mapping]
    this.#top.mapping = mapping
  }

  mappingRule({ isStarted, rule: { rule, ruleName, startTime } }: StepOf<"mappingRule">): void {
    const state = !isStarted ? "notStarted" : rule === undefined ? "missing" : "evaluated"
    this.#top.mapping?.rules.push({ ruleName, ...(startTime > 0 ? { startTime } : {}), state })
  }

  mappingEnd({ isTaken }: StepOf<"mappingEnd">): void {
    const frame = this.#top
    frame.place = noPlace
    frame.rule = undefined
    if (frame.mapping !== undefined) frame.mapping.isTaken = isTaken
  }

  // --- bandits

  bandit({ bandit: { enabled, groups, idType } }: StepOf<"bandit">): void {
    const frame = this.#top
    const explained: Draft<ExplainedBandit> = {
      enabled,
      idType,
      pickedBy: enabled && groups.length > 0 ? "notTargeted" : "notStarted",
      groups: groups.map(({ id, name }) => ({ id, name, score: null, isPicked: false }))
    }
    frame.bandit = explained
    frame.explained.bandit = explained
    frame.place = begun => {
      explained.targetingGate = begun
    }
  }

  pick({ bandit, pick: { bucket, by, group: picked }, subject }: StepOf<"pick">): void {
    const explained = this.#top.bandit
    if (explained === undefined) return
    const { config, groups, idType, salt } = bandit
    const threshold = bandit.sampleRate * 10_000
    explained.groups = groups.map(group => ({
      id: group.id,
      name: group.name,
      score: scoreOf(config?.get(group.id), subject) ?? null,
      isPicked: group === picked
    }))
    explained.bucket = this.#bucket(idType, salt, bucket, threshold, bucket < threshold)
    explained.pickedBy = by
  }
}

/** The same members without those that are `undefined`. */
const defined = <A extends object>(members: A): A =>
  Object.fromEntries(Object.entries(members).filter(([, member]) => member !== undefined)) as A

/** A gate's result, else the value. */
export const valueOf = (kind: SpecKind, record: Evaluation): boolean | JsonObject | null =>
  kind === "gate" ? record.bool : record.value === undefined ? null : copyJsonObject(asObject(literalOf(record.value)))

/** A rule before it is evaluated. */
const openRule = ({
  configDelegate,
  groupName,
  id,
  name,
  passPercentage,
  returnValue
}: CompiledRule): Draft<ExplainedRule> => {
  return defined({
    id,
    name,
    groupName,
    returnValue: copyJson(returnValue),
    result: "notReached",
    conditionsPass: null,
    conditions: [],
    passPercentage,
    delegate: configDelegate === undefined ? undefined : { name: configDelegate }
  })
}

/** A condition before it is evaluated; `undefined` for one that the specs lack, a text for one that is bad. */
const openCondition = (key: string, condition: Condition | string | undefined): ExplainedCondition => {
  if (typeof condition !== "object") {
    const problem =
      condition === undefined
        ? `the specs have no condition "${key}"`
        : `the condition "${key}" cannot be used: ${condition}`
    return { type: "", passes: null, problem }
  }
  const { additionalValues, field, idType, operator, targetValue, type } = condition
  const isBucket = type === "user_bucket"
  return defined({
    type,
    operator,
    field,
    idType: isBucket || type === "unit_id" ? idType : undefined,
    salt: isBucket ? (additionalValues?.["salt"] ?? "") : undefined,
    targetValue: targetValue === undefined ? undefined : shownTarget(targetValue),
    passes: null
  })
}

/** A target as plain JSON; a number that JSON cannot represent stays text. */
const shownTarget = (target: NonNullable<Condition["targetValue"]> | null) =>
  target instanceof NumberLiteral && !Number.isFinite(Number(target.text)) ? target.text : plain(target)
