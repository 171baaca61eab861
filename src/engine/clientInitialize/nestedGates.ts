/**
 * The nested gates of a client initialize response.
 *
 * As in the official SDK, the whole response has one memo: a nested gate is evaluated once, and later entries take its
 * result from the memo. An evaluated gate leaves more in the record of its entry than a memoised one (a group, flags),
 * and the memoised result of a missing gate depends on the entry that evaluated it first. So an entry may be copied
 * only if the memo holds what it held when the entry was made. Equal results are one object, which makes this a quick
 * comparison.
 */
import type { NestedMemo, NestedResult } from "../evaluate/call.js"
import { distinct, listOf, type SecondaryExposure } from "../evaluate/exposures.js"

/** A nested gate, with its result in the current response. */
interface NestedGate {
  readonly name: string
  /** The results seen so far: equal ones are one object. */
  readonly results: Array<NestedResult>
  result: NestedResult | undefined
  /** The response that `result` belongs to. */
  response: number
  /** The entry that looked it up last. */
  entry: number
}

/** The memo's result for a gate when an entry first looked it up, and when the entry was done. */
export interface Lookup {
  readonly gate: NestedGate
  readonly before: NestedResult | undefined
  after: NestedResult | undefined
}

/** Distinct results of one gate; entries that use further ones are not cached. */
const maxResults = 256

/** Shared: most entries evaluate no other gate. */
const none: ReadonlyArray<Lookup> = []

/** The memo of consecutive responses. */
export class NestedGates implements NestedMemo {
  readonly #gates = new Map<string, NestedGate>()
  #response = 0
  #entry = 0
  #lookups: Array<Lookup> | undefined = undefined
  /** Whether all results that the entry saw are among the distinct ones. */
  #isComplete = true

  /** Starts a new response, with an empty memo. */
  beginResponse(): void {
    this.#response++
  }

  /** Starts the evaluation of an entry. */
  beginEntry(): void {
    this.#entry++
    this.#lookups = undefined
    this.#isComplete = true
  }

  /** The look-ups of the entry; `undefined` if they cannot be recognised later. */
  endEntry(): ReadonlyArray<Lookup> | undefined {
    const lookups = this.#lookups ?? none
    for (const lookup of lookups) lookup.after = this.#known(lookup.gate)
    return this.#isComplete ? lookups : undefined
  }

  /** Repeats an entry's changes of the memo, if the memo holds what it held then. */
  repeat(lookups: ReadonlyArray<Lookup>): boolean {
    for (const { before, gate } of lookups) {
      if (this.#known(gate) !== before) return false
    }
    for (const { after, before, gate } of lookups) {
      if (after !== before) this.#remember(gate, after)
    }
    return true
  }

  get(name: string): NestedResult | undefined {
    const gate = this.#gate(name)
    const before = this.#known(gate)
    const isToldApart = before === undefined || gate.results.length < maxResults || gate.results.includes(before)
    if (!isToldApart) this.#isComplete = false
    if (gate.entry !== this.#entry) {
      gate.entry = this.#entry
      this.#lookups ??= []
      this.#lookups.push({ gate, before, after: undefined })
    }
    return before
  }

  set(name: string, result: NestedResult): void {
    const gate = this.#gate(name)
    // Responses list each exposure once, so repetitions need not be stored.
    const wanted = { ...result, exposures: distinct(result.exposures) }
    const known = gate.results.find(candidate => isSameResult(candidate, wanted))
    if (known === undefined) {
      if (gate.results.length < maxResults) gate.results.push(wanted)
      else this.#isComplete = false
    }
    this.#remember(gate, known ?? wanted)
  }

  #known(gate: NestedGate): NestedResult | undefined {
    return gate.response === this.#response ? gate.result : undefined
  }

  #remember(gate: NestedGate, result: NestedResult | undefined): void {
    gate.response = this.#response
    gate.result = result
  }

  #gate(name: string): NestedGate {
    let gate = this.#gates.get(name)
    if (gate === undefined) {
      gate = { name, results: [], result: undefined, response: 0, entry: 0 }
      this.#gates.set(name, gate)
    }
    return gate
  }
}

/** Whether both have the same effect on a response. */
const isSameResult = (left: NestedResult, right: NestedResult): boolean => {
  if (left.bool !== right.bool || left.ruleID !== right.ruleID) return false
  const [ours, theirs] = [listOf(left.exposures), listOf(right.exposures)]
  const isSame = ({ gate, gateValue, ruleID }: SecondaryExposure, other: SecondaryExposure | undefined): boolean =>
    gate === other?.gate && gateValue === other.gateValue && ruleID === other.ruleID
  return ours.length === theirs.length && ours.every((exposure, index) => isSame(exposure, theirs[index]))
}
