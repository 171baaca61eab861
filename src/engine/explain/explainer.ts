/**
 * Watches an evaluation and writes down how it goes.
 *
 * A `Call` that has an explainer tells it each step that it takes; without one it takes the same steps. So what is
 * explained is what was done, not what somebody thinks is done. What a condition compares is read once, by the condition's
 * own reader, from a user and a host that notice where it finds something; that value is tested, and that value is shown.
 */
import { type BanditGroup, type CompiledBandit, scoreOf } from "../conditions/bandit.js"
import { type CompiledCondition, compileUnit, type Host, type Read, type Subject } from "../conditions/conditions.js"
import { textOf, type UserValue } from "../conditions/values.js"
import { type Evaluation, ruleIDOf } from "../evaluate/evaluation.js"
import { GroupOverride, type OverrideValues } from "../evaluate/overrides.js"
import type { RuleFilter, UserPersistedValues } from "../evaluate/sticky.js"
import { type ExposureOfAll, exposureJson } from "../events/events.js"
import { Bucketers } from "../hashing/bucketing.js"
import {
  asObject,
  copyJson,
  copyJsonObject,
  emptyObject,
  type JsonObject,
  literalOf,
  NumberLiteral,
  plain,
  type RawJson
} from "../json.js"
import {
  type CompiledMapping,
  type CompiledRule,
  type CompiledSpec,
  passSalt,
  passThreshold,
  type Snapshot
} from "../payload/snapshot.js"
import type { Condition, SpecKind } from "../specs.js"
import { User } from "../user.js"
import type {
  DecidedBy,
  ExplainedBandit,
  ExplainedBanditGroup,
  ExplainedBucket,
  ExplainedCondition,
  ExplainedEvaluation,
  ExplainedExposure,
  ExplainedMapping,
  ExplainedMappingRule,
  ExplainedOperand,
  ExplainedOutcome,
  ExplainedRecheck,
  ExplainedRule,
  ExplainedSticky,
  FoundIn
} from "./explanation.js"

/** Evaluations within each other that are shown. Deeper ones are given by their answer. */
const maxDepth = 40
/** Evaluations that are shown in all. */
const maxEvaluations = 2_000

type Writable<A> = { -readonly [Key in keyof A]: A[Key] }

interface OpenRule {
  readonly explained: Writable<ExplainedRule>
  readonly conditions: Array<ExplainedCondition>
}

interface OpenMapping {
  readonly explained: Writable<ExplainedMapping>
  readonly rules: Array<ExplainedMappingRule>
}

/** A condition as the specs have it, and what is said of it before it is evaluated. */
interface SourceCondition {
  /** `undefined` for one that is missing or bad. */
  readonly condition: Condition | undefined
  readonly explained: Writable<ExplainedCondition>
}

/** An evaluation under way. */
interface Frame {
  readonly explained: Writable<ExplainedEvaluation>
  /** Whether its inside is left out. */
  readonly isSilent: boolean
  /** Puts the next evaluation that begins within this one in its place. */
  place: (explained: ExplainedEvaluation) => void
  salt: string
  /** The rules that will be asked, in this order. */
  ahead: Array<OpenRule>
  rule: OpenRule | undefined
  condition: SourceCondition | undefined
  mapping: OpenMapping | undefined
  bandit: Writable<ExplainedBandit> | undefined
  isAccepted: boolean
}

const frameOf = (explained: Writable<ExplainedEvaluation>, isSilent: boolean): Frame => ({
  explained,
  isSilent,
  place: nowhere,
  salt: "",
  ahead: [],
  rule: undefined,
  condition: undefined,
  mapping: undefined,
  bandit: undefined,
  isAccepted: false
})

const nowhere = () => {}

/** Writes down one explanation. */
export class Explainer {
  /** What all others begin within. */
  readonly #root: Frame = frameOf({ kind: "gate", name: "", value: null, ruleID: null }, false)
  readonly #open: Array<Frame> = [this.#root]
  readonly #bucketers = new Bucketers()
  readonly #gates = new Map<string, ExplainedEvaluation>()
  readonly #conditions = new Map<string, SourceCondition>()
  readonly #snapshot: Snapshot | undefined
  readonly #subject: Reading
  readonly #user: User
  #evaluations = 0

  constructor(user: User, snapshot: Snapshot | undefined, host: Host, tier: string | undefined) {
    this.#user = user
    this.#snapshot = snapshot
    this.#subject = new Reading(user, snapshot, host, tier)
  }

  /** Evaluates something, and gives its explanation to whoever knows its place. */
  watch<A>(evaluate: () => A): readonly [A, ExplainedEvaluation] {
    let explained: ExplainedEvaluation | undefined
    const top = this.#top
    const { place } = top
    top.place = begun => {
      explained = begun
    }
    const result = evaluate()
    top.place = place
    return [result, explained!]
  }

  get #top(): Frame {
    return this.#open[this.#open.length - 1]!
  }

  // --- evaluations

  /** How many evaluations are under way. */
  get depth(): number {
    return this.#open.length
  }

  /** An error has ended the evaluations beyond that depth. */
  unwind(depth: number): void {
    for (const frame of this.#open.splice(depth)) {
      frame.explained.problem ??= endedByLimit
    }
  }

  begin(kind: SpecKind, name: string): void {
    const above = this.#top
    const explained: Writable<ExplainedEvaluation> = { kind, name, value: null, ruleID: null }
    if (above.isSilent) {
      this.#open.push(frameOf(explained, true))
      return
    }
    above.place(explained)
    const isCircle = this.#open.some(
      frame => frame !== this.#root && frame.explained.kind === kind && frame.explained.name === name
    )
    const omitted = isCircle
      ? "circle"
      : this.depth > maxDepth
        ? "depth"
        : this.#evaluations >= maxEvaluations
          ? "size"
          : undefined
    if (omitted === undefined) explained.decidedBy = "error"
    else explained.omitted = omitted
    this.#evaluations++
    this.#open.push(frameOf(explained, omitted !== undefined))
  }

  end(record: Evaluation, found: boolean): void {
    const frame = this.#open.pop()!
    if (frame.isSilent && frame.explained.omitted === undefined) return
    const { explained } = frame
    explained.value = valueOf(explained.kind, record)
    if (found) explained.ruleID = (explained.kind === "gate" ? record.ruleID : ruleIDOf(record)) ?? null
    if (explained.omitted !== undefined) return
    explained.decidedBy = this.#decidedBy(frame, found)
    if (explained.decidedBy === "unknown") {
      explained.problem =
        this.#snapshot === undefined ? "there are no specs" : `the specs have no ${wordOf[explained.kind]} of this name`
    }
    if (explained.kind === "gate") this.#gates.set(explained.name, explained)
  }

  #decidedBy({ bandit, explained, isAccepted, mapping, rule }: Frame, found: boolean): DecidedBy {
    if (explained.override !== undefined) return "override"
    if (mapping?.explained.isTaken === true) return "mapping"
    if (!found) return "unknown"
    if (bandit !== undefined) return "bandit"
    const result = rule?.explained.result
    if (result === "unsupported") return "unsupported"
    if (isAccepted) return "rules"
    if (result === "delegates") return "delegate"
    return result === "passes" || (result === "outsidePercentage" && this.#isOld(explained)) ? "rule" : "default"
  }

  #isOld({ kind, name }: ExplainedEvaluation): boolean {
    return kind !== "layer" || this.#snapshot?.spec(kind, name)?.useNewLayerEval !== true
  }

  overridden(value: OverrideValues[SpecKind], record: Evaluation): void {
    const { explained, isSilent } = this.#top
    if (isSilent) return
    explained.override = {
      value: valueOf(explained.kind, record),
      ...(value instanceof GroupOverride ? { groupName: value.groupName } : {})
    }
    if (value instanceof GroupOverride && record.value === undefined) {
      explained.problem = `the experiment has no group "${value.groupName}": the value is empty`
    }
  }

  /** The rules of a spec follow, or as many of them as count. */
  spec({ salt, spec }: CompiledSpec, rules: ReadonlyArray<CompiledRule>): void {
    const frame = this.#top
    if (frame.isSilent) return
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
    frame.salt = salt
    // That of a mapping has decided nothing.
    frame.rule = undefined
    frame.ahead = rules.map(openRule)
    frame.explained.rules = frame.ahead.map(rule => rule.explained)
  }

  // --- rules

  rule(rule: CompiledRule): void {
    const frame = this.#top
    if (frame.isSilent) return
    const open = frame.ahead.shift() ?? openRule(rule)
    open.explained.result = "error"
    frame.rule = open
    if (frame.explained.spec === undefined && frame.mapping !== undefined) {
      const last = frame.mapping.rules[frame.mapping.rules.length - 1] as Writable<ExplainedMappingRule>
      last.rule = open.explained
    }
  }

  /** The next condition of the rule. */
  condition(rule: CompiledRule): void {
    const frame = this.#top
    if (frame.isSilent) return
    const { conditions } = frame.rule!
    const { condition, explained: source } = this.#source(rule.source.conditions[conditions.length]!)
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

  /** The group that a condition compares. */
  experimentRead(name: string, { groupName }: Evaluation, experiment: ExplainedEvaluation): void {
    const { condition, isSilent } = this.#top
    if (isSilent || condition === undefined) return
    condition.explained.experiment = experiment
    condition.explained.operand = {
      ...(groupName === undefined ? {} : { value: groupName }),
      foundIn: groupName === undefined ? "nothing" : "experiment",
      key: name
    }
  }

  /** Tests a condition, and writes down the value that is tested. */
  test({ steps, test }: CompiledCondition & { readonly kind: "test" | "experiment" }, subject: Subject): boolean {
    if (steps === undefined || this.#top.isSilent) return test(subject)
    return steps.decide(this.#read(steps.read, subject), subject)
  }

  /** Writes down the value that a condition would test if it were supported. */
  unsupported({ mustRead, read }: CompiledCondition & { readonly kind: "unsupported" }, subject: Subject): void {
    if (read === undefined) return
    if (!this.#top.isSilent) this.#read(read, mustRead ? subject : undefined)
    else if (mustRead) read(subject)
  }

  /** The subject is told of what reading has to tell. */
  #read(read: Read, subject: Subject | undefined): UserValue {
    const { condition, explained } = this.#top.condition!
    const { lack, operand, value } = this.#subject.read(condition!, read, subject)
    explained.operand ??= operand
    if (lack !== undefined) explained.problem = lack
    return value
  }

  /** The condition was evaluated; it has left `record.bool`. */
  conditionEnd(compiled: CompiledCondition, record: Evaluation): void {
    const frame = this.#top
    if (frame.isSilent) return
    const { condition, explained } = frame.condition!
    frame.condition = undefined
    frame.place = nowhere
    if (condition === undefined) return
    if (compiled.kind === "gate") {
      explained.gate ??= this.#repeated(compiled.gate, record.bool !== compiled.negated, record.ruleID)
      if (!record.unsupported) explained.passes = record.bool
      else explained.problem = "not decided: something in it, or before it in the rule, is unsupported"
      return
    }
    if (compiled.kind === "unsupported") explained.problem = unsupportedBecause(condition, explained.operand)
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

  /** All conditions were evaluated, or one that ends the rule. */
  ruleEnd(record: Evaluation): void {
    const frame = this.#top
    if (frame.isSilent) return
    const { explained } = frame.rule!
    const answers = frame.rule!.conditions.map(({ passes }) => passes)
    explained.conditionsPass = answers.includes(null) ? null : !answers.includes(false)
    explained.result = record.unsupported ? "unsupported" : record.bool ? "passes" : "fails"
    const { delegate } = explained
    if (!record.bool || delegate === undefined) return
    frame.place = begun => {
      explained.delegate = { ...delegate, evaluation: begun }
      explained.result = "delegates"
    }
  }

  percentage(rule: CompiledRule, passes: boolean): void {
    const frame = this.#top
    if (frame.isSilent) return
    const { explained } = frame.rule!
    explained.bucket = this.#bucket(
      rule.source.idType,
      passSalt(rule.source, frame.salt),
      passThreshold(rule.source),
      passes
    )
    explained.result = passes ? "passes" : "outsidePercentage"
  }

  /** In new layer evaluation: whether the rule that passes adds its value. */
  accepted(isAccepted: boolean): void {
    const frame = this.#top
    if (frame.isSilent) return
    if (isAccepted) frame.isAccepted = true
    else frame.rule!.explained.result = "skipped"
  }

  #bucket(idType: string, salt: string, threshold: number, passes?: boolean): ExplainedBucket {
    const unitID = textOf(compileUnit(idType)(this.#user)) ?? ""
    const value = this.#bucketers.make(`${salt}.`, 10_000).of(unitID)
    return { idType, unitID, salt, value, threshold, passes: passes ?? value < threshold }
  }

  // --- config mappings

  mapping({ newConfigName }: CompiledMapping, salt: string): void {
    const frame = this.#top
    if (frame.isSilent) return
    const rules: Array<ExplainedMappingRule> = []
    const explained: Writable<ExplainedMapping> = { newConfigName, rules, isTaken: false }
    frame.explained.mappings = [...(frame.explained.mappings ?? []), explained]
    frame.mapping = { explained, rules }
    frame.salt = salt
  }

  mappingRule({ rule, ruleName, startTime }: CompiledMapping["rules"][number], isStarted: boolean): void {
    const { isSilent, mapping } = this.#top
    if (isSilent) return
    const state = !isStarted ? "notStarted" : rule === undefined ? "missing" : "evaluated"
    mapping!.rules.push({ ruleName, ...(startTime > 0 ? { startTime } : {}), state })
  }

  /** A rule has passed: the other spec is evaluated. */
  mappingTarget(): void {
    const frame = this.#top
    if (frame.isSilent) return
    const { explained } = frame.mapping!
    frame.place = begun => {
      explained.target = begun
    }
  }

  mappingEnd(isTaken: boolean): void {
    const frame = this.#top
    if (frame.isSilent) return
    frame.place = nowhere
    frame.rule = undefined
    frame.mapping!.explained.isTaken = isTaken
  }

  // --- bandits

  bandit(bandit: CompiledBandit): void {
    const frame = this.#top
    if (frame.isSilent) return
    const { enabled, groups, idType } = bandit
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

  picked(bandit: CompiledBandit, picked: BanditGroup): void {
    const { bandit: explained, isSilent } = this.#top
    if (isSilent) return
    const { config, groups, idType, sampleRate, salt } = bandit
    explained!.groups = groups.map((group): ExplainedBanditGroup => {
      const score = scoreOf(config?.get(group.id), this.#subject) ?? null
      return { id: group.id, name: group.name, score, isPicked: group === picked }
    })
    const bucket = this.#bucket(idType, salt, sampleRate * 10_000)
    explained!.bucket = bucket
    const isScored = explained!.groups.some(({ score }) => score !== null)
    explained!.pickedBy = config === undefined ? "bucket" : bucket.passes ? "exploration" : isScored ? "score" : "draw"
  }
}

const endedByLimit = "not finished: evaluations are nested too deep, or there are too many"

const wordOf = {
  gate: "gate",
  dynamicConfig: "dynamic config",
  experiment: "experiment",
  layer: "layer"
} as const

/** A gate's answer, else the value. */
const valueOf = (kind: SpecKind, record: Evaluation): boolean | JsonObject | null =>
  kind === "gate" ? record.bool : record.value === undefined ? null : copyJsonObject(asObject(literalOf(record.value)))

const openRule = ({ source }: CompiledRule): OpenRule => {
  const { configDelegate, groupName, id, name, passPercentage, returnValue } = source
  const conditions: Array<ExplainedCondition> = []
  return {
    conditions,
    explained: {
      id,
      name,
      ...(groupName === undefined ? {} : { groupName }),
      returnValue: copyJson(returnValue),
      result: "notReached",
      conditionsPass: null,
      conditions,
      passPercentage,
      ...(configDelegate === undefined ? {} : { delegate: { name: configDelegate } })
    }
  }
}

const sourceCondition = (key: string, condition: Condition | string | undefined): SourceCondition => {
  if (typeof condition === "object") return { condition, explained: explainedCondition(condition) }
  const problem =
    condition === undefined
      ? `the specs have no condition "${key}"`
      : `the condition "${key}" cannot be used: ${condition}`
  return { condition: undefined, explained: { type: "", passes: null, problem } }
}

const explainedCondition = ({
  additionalValues,
  field,
  idType,
  operator,
  targetValue,
  type
}: Condition): Writable<ExplainedCondition> => {
  const isBucket = type === "user_bucket"
  return {
    type,
    ...(operator === undefined ? {} : { operator }),
    ...(field === undefined ? {} : { field }),
    ...(isBucket || type === "unit_id" ? { idType } : {}),
    ...(isBucket ? { salt: additionalValues?.["salt"] ?? "" } : {}),
    ...(targetValue === undefined ? {} : { targetValue: shown(targetValue) }),
    passes: null
  }
}

/** A target as plain JSON; a number that is none in JSON stays text. */
const shown = (target: RawJson) =>
  target instanceof NumberLiteral && !Number.isFinite(Number(target.text)) ? target.text : plain(target)

const unsupportedBecause = ({ operator, type }: Condition, operand: ExplainedOperand | undefined): string => {
  if (operand === undefined) return `this SDK knows no condition of the type "${type}"`
  if (operator === undefined) return "the condition has no operator"
  return `this SDK knows no operator "${operator}"`
}

// --- what conditions read

/** A value that a condition has read. */
interface ReadValue {
  readonly value: UserValue
  readonly operand: ExplainedOperand
  /** The data that was wanting, in words. */
  readonly lack: string | undefined
}

/** A subject that notices where something is found. */
class Reading implements Subject {
  readonly user: User
  readonly host: Host
  readonly #snapshot: Snapshot | undefined
  readonly #tier: string | undefined
  #found: { readonly foundIn: FoundIn; readonly key?: string; readonly from?: string } = { foundIn: "nothing" }
  /** Whom the reading is done for. */
  #reader: Subject | undefined = undefined
  #lack: string | undefined = undefined

  constructor(user: User, snapshot: Snapshot | undefined, host: Host, tier: string | undefined) {
    this.#snapshot = snapshot
    this.#tier = tier
    const { custom, customIDs, privateAttributes, statsigEnvironment } = user
    this.user = new Proxy(
      new User({
        ...user,
        custom: this.#noticing("custom", custom),
        customIDs: this.#noticing("customIDs", customIDs),
        privateAttributes: this.#noticing("privateAttributes", privateAttributes),
        statsigEnvironment: this.#noticing("statsigEnvironment", statsigEnvironment)
      }),
      {
        get: (fields, key: keyof User) => {
          this.#found = { foundIn: "user", key }
          return fields[key]
        }
      }
    )
    this.host = {
      ...host,
      now: () => {
        this.#found = { foundIn: "clock" }
        return host.now()
      },
      globalCustomFields: this.#noticing("globalCustomFields", host.globalCustomFields),
      parseUserAgent: from => {
        this.#found = { foundIn: "userAgent", from }
        return host.parseUserAgent(from)
      },
      lookupCountry: from => {
        this.#found = { foundIn: "ip", from }
        return host.lookupCountry(from)
      }
    }
  }

  /** The members of the object, told of when they are read. */
  #noticing(foundIn: FoundIn, values: JsonObject | undefined): JsonObject | undefined {
    if (values === undefined) return undefined
    return new Proxy(values, {
      get: (members, key: string) => {
        this.#found = { foundIn, key }
        return members[key]
      }
    })
  }

  get tier(): string | undefined {
    this.#found = { foundIn: "environment", key: "tier" }
    return this.#tier
  }

  get appId() {
    this.#found = { foundIn: "appID" }
    return this.#snapshot?.appId
  }

  /** Is noticed elsewhere: it is an evaluation of its own, with readings of its own. */
  experimentGroup(name: string | undefined): UserValue {
    const group = this.#reader?.experimentGroup(name)
    this.#lack = undefined
    return group
  }

  lacks(reason: string): void {
    this.#reader?.lacks(reason)
    this.#lack = reason.startsWith("UAParser")
      ? "there is no user agent parser: nothing is known of the user agent"
      : "there is no country table: nothing is known of the address"
  }

  /** Reads the value on the user's side of a condition. */
  read(condition: Condition, read: Read, reader: Subject | undefined): ReadValue {
    this.#reader = reader
    this.#lack = undefined
    this.#found = { foundIn: "nothing" }
    const value = read(this)
    return { value, operand: this.#operand(condition, value), lack: this.#lack }
  }

  #operand({ idType, type }: Condition, value: UserValue): ExplainedOperand {
    if (value === undefined) return { foundIn: "nothing" }
    if (type !== "user_bucket") return { value: copyJson(value), ...this.#found }
    return { value: value as number, foundIn: "bucket", from: textOf(compileUnit(idType)(this.user)) ?? "" }
  }
}

/** An experiment that the same check has read before. */
export const repeatedExperiment = (name: string, record: Evaluation): ExplainedEvaluation => ({
  kind: "experiment",
  name,
  value: valueOf("experiment", record),
  ruleID: record.ruleID === undefined ? null : ruleIDOf(record),
  omitted: "repeated"
})

// --- the outcome

/** The answer that a record stands for. */
export const outcomeOf = (kind: SpecKind, record: Evaluation): ExplainedOutcome => ({
  value: kind === "gate" ? record.bool : copyJsonObject(record.value ?? emptyObject),
  ruleID: ruleIDOf(record),
  idType: record.idType ?? "",
  groupName: record.groupName ?? null,
  allocatedExperimentName: record.configDelegate ?? null,
  isUserInExperiment: record.isExperimentActive && record.isExperimentGroup,
  reason: record.reason,
  lcut: record.lcut ?? null,
  receivedAt: record.receivedAt ?? null,
  version: record.version ?? null,
  secondaryExposures: record.secondaryExposures.map(exposure => ({ ...exposure }))
})

/** The exposure as it would be sent. */
export const explainedExposure = (exposure: ExposureOfAll): ExplainedExposure => {
  const { eventName, metadata, secondaryExposures } = JSON.parse(exposureJson(exposure))
  return { eventName, metadata, secondaryExposures }
}

// --- persistent assignment

/** Writes down what is made of kept answers. */
export class StickyExplainer {
  #looked: Pick<ExplainedSticky, "key" | "name" | "kept"> = {}
  #decision: ExplainedSticky["decision"] = "noUnit"
  readonly #rechecks: Array<ExplainedRecheck> = []

  readonly looked = (key: string, name: string, values: UserPersistedValues | undefined): void => {
    const kept = values?.get(name)
    this.#looked = { key, name, ...(kept === undefined ? {} : { kept: copyJson(kept as never) as never }) }
    this.#decision = values === undefined ? "notGiven" : kept === undefined ? "nothingKept" : "givesWay"
  }

  readonly saved = (): void => {
    this.#decision = "saved"
  }

  readonly deleted = (): void => {
    if (this.#decision !== "notGiven") this.#decision = "notActive"
  }

  rechecked(filter: RuleFilter, passes: boolean, evaluation: ExplainedEvaluation): void {
    this.#rechecks.push({ rules: filter("targetingGate") ? "targeting" : "overrides", passes, evaluation })
  }

  /** All of it, once it is known which answer is given. */
  explained(isKept: boolean): ExplainedSticky {
    return { decision: isKept ? "kept" : this.#decision, ...this.#looked, rechecks: this.#rechecks }
  }
}
