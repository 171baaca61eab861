/**
 * The watcher that records how an evaluation proceeds.
 *
 * It only records the steps reported to it, so an explanation shows exactly what the check did.
 */
import { type BanditPick, type CompiledBandit, scoreOf } from "../conditions/bandit.js"
import { type CompiledCondition, compileUnit, type Place, type Subject } from "../conditions/conditions.js"
import { textOf, type UserValue } from "../conditions/values.js"
import { type Evaluation, ruleIDOf } from "../evaluate/evaluation.js"
import { GroupOverride, type OverrideValues } from "../evaluate/overrides.js"
import type { Watcher } from "../evaluate/watcher.js"
import { Bucketers } from "../hashing/bucketing.js"
import { copyJson } from "../json.js"
import {
  type CompiledMapping,
  type CompiledRule,
  type CompiledSpec,
  type Snapshot,
  splitOf
} from "../payload/snapshot.js"
import type { SpecKind } from "../specs.js"
import type { User } from "../user.js"
import type {
  DecidedBy,
  ExplainedBandit,
  ExplainedBucket,
  ExplainedEvaluation,
  ExplainedMapping,
  ExplainedMappingRule
} from "./explanation.js"
import { type OpenRule, openRule, type SourceCondition, sourceCondition, valueOf, type Writable } from "./shown.js"

/** Nesting levels of evaluations that are shown. Deeper ones show only their result. */
const maxShownDepth = 40
/** Evaluations shown in total. */
const maxShown = 2_000

interface OpenMapping {
  readonly explained: Writable<ExplainedMapping>
  readonly rules: Array<ExplainedMappingRule>
}

/** An evaluation in progress. */
class Frame {
  readonly explained: Writable<ExplainedEvaluation>
  /** Stores the next nested evaluation in its place. */
  place: (explained: ExplainedEvaluation) => void = noPlace
  /** The rules that will be evaluated, in this order. */
  ahead: Array<OpenRule> = []
  rule: OpenRule | undefined = undefined
  ruleKeys: ReadonlyArray<string> = []
  condition: SourceCondition | undefined = undefined
  mapping: OpenMapping | undefined = undefined
  bandit: Writable<ExplainedBandit> | undefined = undefined
  addsValues = false

  constructor(kind: SpecKind, name: string) {
    this.explained = { kind, name, value: null, ruleID: null }
  }

  /** The config mapping being checked, before any rule of the spec. */
  get openMapping(): OpenMapping | undefined {
    return this.explained.spec === undefined ? this.mapping : undefined
  }
}

const noPlace = () => {}

/** Records one explanation. */
export class Explainer {
  /** The parent of all top-level evaluations. */
  readonly #root = new Frame("gate", "")
  readonly #open: Array<Frame> = []
  #top = this.#root
  /** While nested evaluations are omitted: the number of open ones, including the omitted one. */
  #omitted = 0
  readonly #gates = new Map<string, ExplainedEvaluation>()
  readonly #conditions = new Map<string, SourceCondition>()
  readonly #snapshot: Snapshot | undefined
  readonly #user: User
  readonly #bucketers = new Bucketers()
  #evaluations = 0

  constructor(user: User, snapshot: Snapshot | undefined) {
    this.#user = user
    this.#snapshot = snapshot
  }

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
    if (step.step === "begin") this.#begin(step.kind, step.name)
    else if (step.step === "end") this.#end(step.record, step.found)
    else if (step.step === "abandoned") this.#abandon(step.count)
    else if (this.#omitted > 0) return
    else {
      switch (step.step) {
        case "override":
          return this.#override(step.value, step.record)
        case "spec":
          return this.#spec(step.spec, step.rules)
        case "rule":
          return this.#rule(step.rule)
        case "condition":
          return this.#condition()
        case "operand":
          return this.#operand(step.value, step.place)
        case "lack":
          return this.#lack(step.reason)
        case "conditionEnd":
          return this.#conditionEnd(step.condition, step.record)
        case "ruleEnd":
          return this.#ruleEnd(step.record)
        case "percentage":
          return this.#percentage(step.rule, step.passes)
        case "merge":
          return this.#merge(step.adds)
        case "mapping":
          return this.#mapping(step.mapping)
        case "mappingRule":
          return this.#mappingRule(step.rule, step.isStarted)
        case "mappingEnd":
          return this.#mappingEnd(step.isTaken)
        case "bandit":
          return this.#bandit(step.bandit)
        case "pick":
          return this.#pick(step.bandit, step.pick, step.subject)
      }
    }
  }

  // --- evaluations

  #begin(kind: SpecKind, name: string): void {
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

  #close(): Writable<ExplainedEvaluation> {
    const { explained } = this.#top
    this.#open.pop()
    this.#top = this.#open.at(-1) ?? this.#root
    this.#omitted = 0
    return explained
  }

  #abandon(count: number): void {
    for (let left = count; left > 0; left--) {
      if (this.#omitted > 1) this.#omitted--
      else this.#close().problem ??= "not finished: evaluations are nested too deep, or there are too many"
    }
  }

  #end(record: Evaluation, found: boolean): void {
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
        this.#snapshot === undefined ? "there are no specs" : `the specs have no ${wordOf[explained.kind]} of this name`
    }
    if (explained.kind === "gate") this.#gates.set(explained.name, explained)
  }

  #decidedBy(found: boolean): DecidedBy {
    const { addsValues, bandit, explained, mapping, rule } = this.#top
    if (explained.override !== undefined) return "override"
    if (mapping?.explained.isTaken === true) return "mapping"
    if (!found) return "unknown"
    if (bandit !== undefined) return "bandit"
    const result = rule?.explained.result
    if (result === "unsupported") return "unsupported"
    if (addsValues) return "rules"
    if (result === "delegates") return "delegate"
    const { kind, name } = explained
    const isNewLayer = kind === "layer" && this.#snapshot?.spec(kind, name)?.useNewLayerEval === true
    return result === "passes" || (result === "outsidePercentage" && !isNewLayer) ? "rule" : "default"
  }

  #override(value: OverrideValues[SpecKind], record: Evaluation): void {
    const { explained } = this.#top
    const group = value instanceof GroupOverride ? value.groupName : undefined
    explained.override = {
      value: valueOf(explained.kind, record),
      ...(group === undefined ? {} : { groupName: group })
    }
    if (group !== undefined && record.value === undefined) {
      explained.problem = `the experiment has no group "${group}": the value is empty`
    }
  }

  #spec({ salt, spec }: CompiledSpec, rules: ReadonlyArray<CompiledRule>): void {
    const frame = this.#top
    const { defaultValue, enabled, entity, idType, isActive, version } = spec
    frame.explained.spec = {
      entity,
      enabled,
      idType,
      salt,
      ...(isActive === undefined ? {} : { isActive }),
      ...(version === undefined ? {} : { version }),
      defaultValue: copyJson(defaultValue)
    }
    // A rule of a config mapping has not decided anything.
    frame.rule = undefined
    frame.ahead = rules.map(openRule)
    frame.explained.rules = frame.ahead.map(rule => rule.explained)
  }

  // --- rules

  #rule(rule: CompiledRule): void {
    const frame = this.#top
    const open = frame.ahead.shift() ?? openRule(rule)
    open.explained.result = "error"
    frame.rule = open
    frame.ruleKeys = rule.source.conditions
    const last = frame.openMapping?.rules.at(-1) as Writable<ExplainedMappingRule> | undefined
    if (last !== undefined) last.rule = open.explained
  }

  #condition(): void {
    const frame = this.#top
    if (frame.rule === undefined) return
    const { conditions } = frame.rule
    const { condition, explained: source } = this.#source(frame.ruleKeys[conditions.length] ?? "")
    const explained = { ...source }
    conditions.push(explained)
    frame.condition = { condition, explained }
    frame.place = begun => {
      explained.gate = begun
    }
  }

  /** Rules share conditions, whose targets may be long. */
  #source(key: string): SourceCondition {
    let source = this.#conditions.get(key)
    if (source === undefined) {
      source = sourceCondition(key, this.#snapshot?.condition(key))
      this.#conditions.set(key, source)
    }
    return source
  }

  /** Records the experiment whose group a condition compares. */
  experimentRead(name: string, { groupName }: Evaluation, experiment: ExplainedEvaluation): void {
    const { condition } = this.#top
    if (this.#omitted > 0 || condition === undefined) return
    condition.explained.experiment = experiment
    condition.explained.operand = {
      ...(groupName === undefined ? {} : { value: groupName }),
      foundIn: groupName === undefined ? "nothing" : "experiment",
      key: name
    }
  }

  #operand(value: UserValue, place: Place = { foundIn: "nothing" }): void {
    const { condition } = this.#top
    if (condition === undefined) return
    condition.explained.operand ??= value === undefined ? { foundIn: "nothing" } : { value: copyJson(value), ...place }
  }

  #lack(reason: string): void {
    const { condition } = this.#top
    if (condition === undefined) return
    condition.explained.problem = reason.startsWith("UAParser")
      ? "there is no user agent parser: nothing is known of the user agent"
      : "there is no country table: nothing is known of the address"
  }

  #conditionEnd(compiled: CompiledCondition | undefined, record: Evaluation): void {
    const frame = this.#top
    const { condition } = frame
    frame.condition = undefined
    frame.place = noPlace
    if (condition?.condition === undefined || compiled === undefined) return
    const { explained } = condition
    if (compiled.kind === "gate") {
      explained.gate ??= this.#repeated(compiled.gate, record.bool !== compiled.negated, record.ruleID)
      if (!record.unsupported) explained.passes = record.bool
      else explained.problem = "not decided: something in it, or before it in the rule, is unsupported"
    } else if (compiled.kind === "unsupported") explained.problem = compiled.problem
    else explained.passes = record.bool
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

  #ruleEnd(record: Evaluation): void {
    const frame = this.#top
    if (frame.rule === undefined) return
    const { conditions, explained } = frame.rule
    const answers = conditions.map(({ passes }) => passes)
    explained.conditionsPass = answers.includes(null) ? null : !answers.includes(false)
    explained.result = record.unsupported ? "unsupported" : record.bool ? "passes" : "fails"
    const { delegate } = explained
    if (!record.bool || delegate === undefined) return
    frame.place = begun => {
      explained.delegate = { ...delegate, evaluation: begun }
      explained.result = "delegates"
    }
  }

  #percentage({ source, specSalt }: CompiledRule, passes: boolean): void {
    const frame = this.#top
    if (frame.rule === undefined) return
    const { explained } = frame.rule
    const { bucketOf, salt, threshold } = splitOf(source, specSalt, this.#bucketers)
    explained.bucket = this.#bucket(source.idType, salt, bucketOf(this.#user), threshold, passes)
    explained.result = passes ? "passes" : "outsidePercentage"
    const mapping = frame.openMapping?.explained
    if (mapping === undefined) return
    frame.place = begun => {
      mapping.target = begun
    }
  }

  #merge(adds: boolean): void {
    const frame = this.#top
    if (adds) frame.addsValues = true
    else if (frame.rule !== undefined) frame.rule.explained.result = "skipped"
  }

  #bucket(idType: string, salt: string, value: number, threshold: number, passes: boolean): ExplainedBucket {
    const unitID = textOf(compileUnit(idType)(this.#user)) ?? ""
    return { idType, unitID, salt, value, threshold, passes }
  }

  // --- config mappings

  #mapping({ newConfigName }: CompiledMapping): void {
    const frame = this.#top
    const rules: Array<ExplainedMappingRule> = []
    const explained: Writable<ExplainedMapping> = { newConfigName, rules, isTaken: false }
    frame.explained.mappings = [...(frame.explained.mappings ?? []), explained]
    frame.mapping = { explained, rules }
  }

  #mappingRule({ rule, ruleName, startTime }: CompiledMapping["rules"][number], isStarted: boolean): void {
    const state = !isStarted ? "notStarted" : rule === undefined ? "missing" : "evaluated"
    this.#top.mapping?.rules.push({ ruleName, ...(startTime > 0 ? { startTime } : {}), state })
  }

  #mappingEnd(isTaken: boolean): void {
    const frame = this.#top
    frame.place = noPlace
    frame.rule = undefined
    if (frame.mapping !== undefined) frame.mapping.explained.isTaken = isTaken
  }

  // --- bandits

  #bandit({ enabled, groups, idType }: CompiledBandit): void {
    const frame = this.#top
    const explained: Writable<ExplainedBandit> = {
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

  #pick(bandit: CompiledBandit, { bucket, by, group: picked }: BanditPick, subject: Subject): void {
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

const wordOf = {
  gate: "gate",
  dynamicConfig: "dynamic config",
  experiment: "experiment",
  layer: "layer"
} as const
