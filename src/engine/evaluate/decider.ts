/**
 * The memoised path to an evaluation.
 *
 * A `Call`'s record depends on the user only through decisions: which conditions hold, which gates and delegates were
 * evaluated and with what result, and whether the user is within a pass percentage. A decider takes the same decisions
 * in the same order but writes no record. It follows them along a tree of paths. The end of a path holds one record,
 * made by a `Call` for the first user who reaches it; later users on this path reuse it.
 *
 * Decisions for a user are remembered until a question about another user: a request checks many gates for one user,
 * and these share conditions and holdouts. Where requests ask by turns, a user who comes back keeps some decisions with
 * it. Where a decider cannot decide, it gives up and a `Call` evaluates.
 */

import type { GateCondition, Host, Subject, TestCondition } from "../conditions/conditions.js"
import type { Json } from "../json.js"
import type { CompiledRule, CompiledSpec } from "../payload/compiled.js"
import type { Snapshot } from "../payload/snapshot.js"
import type { SpecKind } from "../specs.js"
import type { User } from "../user.js"
import type { Evaluation } from "./evaluation.js"

/** Paths kept for all names together, at least, and for each spec of a large project. Further ones are not kept. */
const leastPaths = 50_000
const pathsPerSpec = 20

/** Specs evaluated within one question. */
const maxSteps = 10_000

/** Decisions kept with a user; each has one place. A power of two. */
const keptPlaces = 128
/** Numbers of all specs, turns and generations of all deciders: none is taken for another one. */
let lastNumber = 0

/** Up to this length, a list of steps has no unused room. */
const maxExactSteps = 32

/** A node in the tree of decisions. */
export class Path {
  /** The spec that it belongs to. */
  readonly owner: number
  /** At the end of a path: the result of the gate for conditions on it. */
  readonly bool: boolean
  /** At the end of a path: the record of all users on it, once made. */
  evaluation: Evaluation | undefined = undefined
  /** At the end of a path: the entry of the last client initialize response. `clientInitialize` knows its type. */
  clientEntry: unknown = undefined
  /** The next paths, each preceded by the decision that leads to it. Frequent ones tend to come first. */
  steps: Array<Outcome | object> | undefined = undefined

  constructor(owner: number, bool: boolean) {
    this.owner = owner
    this.bool = bool
  }
}

/** Only a `Call` can decide. No path continues from here. */
const nowhere = new Path(0, false)

/** Decisions of a path other than an evaluated gate: rule `i` passed is `2 * i`, it failed `2 * i + 1`. */
type Outcome = number
const passed = (rule: number): Outcome => 2 * rule
const failed = (rule: number): Outcome => 2 * rule + 1
const delegated = (rule: number): Outcome => -1 - rule
/** No rule matched. */
const byDefault = (rules: number): Outcome => 2 * rules

/** The conditions of a rule, then the rule. */
type Step = TestCondition | GateCondition | CompiledRule

/** A spec, with the path of the current turn's user. Where many specs are asked by turns, its order is that of use. */
class SpecDecision {
  /** The generation of its decider. */
  readonly generation: number
  turn = 0
  path = nowhere
  /** Whether the decision is the same for all users. */
  isSettled = false
  readonly number = ++lastNumber
  /** `undefined` if only a `Call` can decide. */
  readonly steps: ReadonlyArray<Step> | undefined
  /** The paths of users for whom an outcome was the first decision. */
  readonly ends: Array<Path | undefined>
  /** Where the paths begin that evaluate gates before the first outcome. */
  root: Path | undefined = undefined
  /** The last question that decided it, if the result may change a moment later. */
  question = 0
  /** Whether it is being decided; it must not depend on itself. */
  isOpen = false
  /** The result if no rule passes. */
  readonly defaultBool: boolean
  /** In new layer evaluation all matching rules add to the value. */
  readonly addsUp: boolean

  /** Without a spec it is that of all missing gates. */
  constructor(generation: number, spec: CompiledSpec | undefined, isLayer: boolean, canDecide: boolean) {
    const rules = spec?.rules ?? []
    this.generation = generation
    this.steps = canDecide ? stepsOf(rules) : undefined
    this.ends = new Array(byDefault(rules.length) + 1).fill(undefined)
    this.defaultBool = spec?.defaultValue === true
    this.addsUp = isLayer && spec?.useNewLayerEval === true
  }
}

/** One flat list, since each object on the way costs a look into distant memory. */
const stepsOf = (rules: ReadonlyArray<CompiledRule>): ReadonlyArray<Step> | undefined => {
  const steps: Array<Step> = []
  for (const rule of rules) {
    for (const condition of rule.conditions) {
      if (condition.kind !== "test" && condition.kind !== "gate") return undefined
      // It always holds.
      if (condition.kind === "test" && condition.selection === "everyone") continue
      steps.push(condition)
    }
    steps.push(rule)
  }
  return steps.slice()
}

/** Decides on the specs of one snapshot. */
export class Decider implements Subject {
  readonly snapshot: Snapshot
  readonly host: Host
  readonly tier: string | undefined
  readonly appId: Json | undefined
  readonly found = undefined
  user: User
  /** The decisions kept with the user; `undefined` in the user's first turn. */
  #kept: Array<unknown> | undefined = undefined
  readonly #number = ++lastNumber
  /** Whether the last result may change a moment later. */
  isVolatile = false
  readonly #gates = new Map<string, SpecDecision>()
  readonly #configs = new Map<string, SpecDecision>()
  readonly #layers = new Map<string, SpecDecision>()
  readonly #lacks = new Map<string, object>()
  #lack: string | undefined = undefined
  /** Changes with the user: results of an earlier turn belong to another one. */
  #turn = ++lastNumber
  /** What a decision of an earlier generation knows is not used. */
  #generation = ++lastNumber
  #missingGate = new SpecDecision(this.#generation, undefined, false, true)
  /** Counts the questions: each evaluates a gate once, as a `Call` does. */
  #question = 0
  #steps = 0
  #paths = 0
  readonly #maxPaths: number
  #isBusy = false

  constructor(snapshot: Snapshot, host: Host, tier: string | undefined, user: User) {
    this.snapshot = snapshot
    this.host = host
    this.tier = tier
    this.appId = snapshot.appId
    this.user = user
    this.#maxPaths = Math.max(leastPaths, pathsPerSpec * snapshot.size)
  }

  /** The path of a user; `undefined` if only a `Call` can decide. */
  decide(kind: SpecKind, name: string, user: User): Path | undefined {
    // Called from within a decision, e.g. by a custom parser of the program.
    if (this.#isBusy) return undefined
    const decision = this.#known(kind).get(name) ?? this.#find(kind, name)
    if (decision === undefined) return undefined
    if (user !== this.user) this.#turnTo(user)
    this.isVolatile = false
    if (decision.isSettled || decision.turn === this.#turn) return ended(decision.path)
    this.#isBusy = true
    this.#question++
    this.#steps = 0
    try {
      return ended(this.#decide(decision))
    } catch {
      // The stack overflowed: drop half-finished decisions and start again.
      this.#forget()
      return undefined
    } finally {
      this.#isBusy = false
    }
  }

  /** Most users have one turn, and keep nothing. */
  #turnTo(user: User): void {
    this.user = user
    this.#turn = ++lastNumber
    if (user.decider === this.#number) {
      user.decisions ??= new Array(keptPlaces).fill(undefined)
    } else {
      user.decider = this.#number
      user.decisions = undefined
    }
    this.#kept = user.decisions
  }

  lacks(reason: string): void {
    this.#lack = reason
  }

  experimentGroup(): undefined {
    return undefined
  }

  /** Drops all decisions. */
  #forget(): void {
    for (const known of [this.#gates, this.#configs, this.#layers]) known.clear()
    this.#generation = ++lastNumber
    this.#missingGate = new SpecDecision(this.#generation, undefined, false, true)
    this.#paths = 0
  }

  #known(kind: SpecKind): Map<string, SpecDecision> {
    return kind === "gate" ? this.#gates : kind === "layer" ? this.#layers : this.#configs
  }

  /** `undefined` for a spec that does not exist: names invented by callers must not fill the memory. */
  #find(kind: SpecKind, name: string): SpecDecision | undefined {
    const spec = this.snapshot.spec(kind, name)
    if (spec === undefined) return undefined
    spec.isAsked = true
    const canDecide = !this.snapshot.isReplaceable(kind === "dynamicConfig" ? "experiment" : kind, name)
    const decision = new SpecDecision(this.#generation, spec, kind === "layer", canDecide)
    this.#known(kind).set(name, decision)
    return decision
  }

  #gate(condition: GateCondition): SpecDecision {
    const known = condition.decision as SpecDecision | undefined
    if (known !== undefined && known.generation === this.#generation) return known
    const { gate } = condition
    const decision = this.#gates.get(gate) ?? this.#find("gate", gate) ?? this.#missing(gate)
    condition.decision = decision
    return decision
  }

  /** A config mapping answers even for a gate that does not exist. */
  #missing(gate: string): SpecDecision {
    if (!this.snapshot.isReplaceable("gate", gate)) return this.#missingGate
    return new SpecDecision(this.#generation, undefined, false, false)
  }

  // --- deciding

  #decide(decision: SpecDecision): Path {
    if (decision.isSettled || decision.turn === this.#turn) return decision.path
    if (decision.question === this.#question) {
      this.isVolatile = true
      return decision.path
    }
    const place = decision.number & (keptPlaces - 1)
    const kept = this.#kept?.[place] as Path | undefined
    if (kept?.owner === decision.number) {
      decision.turn = this.#turn
      decision.path = kept
      return kept
    }
    const { steps } = decision
    if (steps === undefined || decision.isOpen || ++this.#steps > maxSteps) return nowhere
    const wasVolatile = this.isVolatile
    this.isVolatile = false
    decision.isOpen = true
    const path = this.#walk(decision, steps)
    decision.isOpen = false
    decision.path = path
    if (this.isVolatile) {
      decision.question = this.#question
      return path
    }
    this.isVolatile = wasVolatile
    decision.turn = this.#turn
    decision.isSettled = isForEveryone(decision, steps)
    if (this.#kept !== undefined) this.#kept[place] = path
    return path
  }

  /**
   * Follows the steps of a spec; `undefined` is the path before the first one. Gates are evaluated, and are on the path,
   * even after a condition that failed.
   */
  #walk(decision: SpecDecision, steps: ReadonlyArray<Step>): Path {
    let path: Path | undefined
    let rule = 0
    let meets = true
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i] as Step
      switch (step.kind) {
        case "test":
          if (!meets && !step.mayLack) continue
          if (step.turn === this.#turn) {
            if (!step.holds) meets = false
            continue
          }
          if (!this.#test(step)) meets = false
          if (this.#lack !== undefined) path = this.#next(decision, path, this.#lackOf(this.#lack))
          continue
        case "gate": {
          const way = this.#decide(this.#gate(step))
          path = this.#next(decision, path, way)
          if (way.bool === step.negated) meets = false
          continue
        }
        case "rule":
          if (meets && !decision.addsUp) return this.#result(decision, path, rule, step)
          if (meets) path = this.#add(decision, path, rule, step)
          meets = true
          rule++
      }
    }
    return this.#end(decision, path, byDefault(rule), !decision.addsUp && decision.defaultBool)
  }

  /** Tests a condition, and keeps the result for the turn if it stays the same. */
  #test(condition: TestCondition): boolean {
    this.#lack = undefined
    const holds = condition.test(this)
    // What is missing may not be missing for long.
    if (condition.isVolatile || this.#lack !== undefined) this.isVolatile = true
    else {
      condition.turn = this.#turn
      condition.holds = holds
    }
    return holds
  }

  /** The first matching rule decides. */
  #result(decision: SpecDecision, path: Path | undefined, at: number, rule: CompiledRule): Path {
    const delegate = this.#delegate(rule)
    if (delegate !== undefined) {
      const way = this.#decide(delegate)
      return this.#next(decision, this.#next(decision, path, delegated(at)), way, way.bool)
    }
    return rule.passes(this.user)
      ? this.#end(decision, path, passed(at), rule.returnValue !== false)
      : this.#end(decision, path, failed(at), decision.defaultBool)
  }

  /** In new layer evaluation all matching rules add to the value. */
  #add(decision: SpecDecision, path: Path | undefined, at: number, rule: CompiledRule): Path | undefined {
    if (!rule.passes(this.user)) return path
    const added = this.#next(decision, path, passed(at))
    const delegate = this.#delegate(rule)
    return delegate === undefined ? added : this.#next(decision, added, this.#decide(delegate))
  }

  #delegate({ configDelegate }: CompiledRule): SpecDecision | undefined {
    if (configDelegate === undefined) return undefined
    return this.#configs.get(configDelegate) ?? this.#find("experiment", configDelegate)
  }

  /** The step on the path for missing data. */
  #lackOf(reason: string): object {
    let lack = this.#lacks.get(reason)
    if (lack === undefined) {
      lack = {}
      this.#lacks.set(reason, lack)
    }
    return lack
  }

  /** `bool` is the result if the path ends there. */
  #next(decision: SpecDecision, from: Path | undefined, by: Outcome | object, bool = false): Path {
    if (from === undefined) {
      decision.root ??= this.#path(decision.number, false)
      from = decision.root
    }
    const { steps } = from
    if (steps !== undefined) {
      for (let i = 0; i < steps.length; i += 2) if (steps[i] === by) return steps[i + 1] as Path
    }
    if (from === nowhere || by === nowhere) return nowhere
    const path = this.#path(decision.number, bool)
    if (path === nowhere) return path
    // There are many, and most have one or two steps: unlike `push`, `concat` leaves no room for more.
    if (steps === undefined || steps.length < maxExactSteps) from.steps = (steps ?? []).concat(by, path)
    else steps.push(by, path)
    return path
  }

  #end(decision: SpecDecision, from: Path | undefined, by: Outcome, bool: boolean): Path {
    if (from !== undefined) return this.#next(decision, from, by, bool)
    decision.ends[by] ??= this.#path(decision.number, bool)
    return decision.ends[by]
  }

  #path(owner: number, bool: boolean): Path {
    if (this.#paths === this.#maxPaths) return nowhere
    this.#paths++
    return new Path(owner, bool)
  }
}

/** Whether all users get the same decision: everyone matches the first rule, if there is one. */
const isForEveryone = ({ addsUp }: SpecDecision, [first]: ReadonlyArray<Step>): boolean =>
  !addsUp &&
  (first === undefined ||
    (first.kind === "rule" && first.selection === "everyone" && first.configDelegate === undefined))

const ended = (path: Path): Path | undefined => (path === nowhere ? undefined : path)
