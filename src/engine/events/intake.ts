/**
 * The entry point of logging: decides which exposures and events enter the queue.
 *
 * An exposure is deduplicated, and sampled if the project wants it. This is on the path of checks: everything is
 * synchronous and bounded, and nothing throws.
 */
import type { SecondaryExposure } from "../evaluate/evaluation.js"
import { modulo } from "../hashing/bucketing.js"
import { isSampled } from "../hashing/samplingHash.js"
import { sha256 } from "../hashing/sha256.js"
import { type Json, type JsonObject, wellFormedJson } from "../json.js"
import type { RemoteConfig } from "../specs.js"
import type { User } from "../user.js"
import { Deduplicator, hashNames, type KeyAnswer, type KeyUser } from "./deduplicator.js"
import type { EventQueue } from "./eventQueue.js"
import {
  customText,
  type Exposure,
  exposureText,
  formOf,
  noRule,
  type SamplingNote,
  samplingParts,
  secondariesOf,
  secondaryText,
  userKey
} from "./events.js"

/** An event that is not an exposure. */
export interface CustomEvent {
  readonly name: string
  readonly value: string | number | null
  readonly metadata: JsonObject | null
  /** `undefined` for events of the SDK itself. */
  readonly user: User | undefined
  /** Settings in the current specs for the SDK itself. */
  readonly remote: RemoteConfig | undefined
}

/** How exposures are deduplicated and sampled. */
export interface IntakeOptions {
  /** Exposures that are remembered for deduplication. */
  readonly dedupeMaxKeys: number
  /** The seed of the deduplication hash. */
  readonly seed: number
  /** Opaque switches; the known one begins with `sec_expo_as_primary:`. Default: none. */
  readonly experimentalFlags: Iterable<string> | undefined
}

/** Both windows unless the project sets others, as in the official SDK; in milliseconds. */
const defaultWindow = 60_000
const maxFirstSeen = 100_000
const maxNonExposed = 100_000
/** Characters of the names in each of the two: callers may invent names of gates that do not exist. */
const maxNames = 16_000_000

/** How many checks of a name logged no exposure. */
interface NonExposed {
  readonly name: string
  count: number
}

const integerSetting = (value: Json | undefined): number | undefined => {
  const number = typeof value === "string" ? Number.parseFloat(value) : value
  return typeof number === "number" && Number.isFinite(number) ? Math.trunc(number) : undefined
}

const secondaryPrefix = "sec_expo_as_primary:"

/** The identifier of the switch that sends secondary exposures as separate exposures. */
const secondaryAsPrimaryID = (flags: Iterable<string>): string | undefined =>
  [...flags]
    .filter(flag => flag.startsWith(secondaryPrefix) && flag.length > secondaryPrefix.length)
    .map(flag => flag.slice(secondaryPrefix.length))
    .sort()[0]

/** Rule ids of evaluations that no rule decided: the project has one sampling rate for them all. */
const speciallySampled: ReadonlySet<string> = new Set(["default", "disabled", "", noRule])

const noSecondaries: ReadonlyArray<SecondaryExposure> = []

/** The position of an identifier in the roll-out of secondary exposures as primary ones, out of 1,000. */
const bucketOf = (identifier: string): number => {
  const { high, low } = sha256(identifier)
  return modulo(high, low, 1_000)
}

/** Decides which exposures and events enter the queue. */
export class EventIntake {
  readonly #queue: EventQueue
  readonly #primaryBucket: number | undefined
  readonly #seen: Deduplicator
  #seenSince = 0
  readonly #firstSeen = new Map<string, Set<string>>()
  #firstSeenSize = 0
  #firstSeenNames = 0
  #firstSeenSince = 0
  /** Collected from every payload seen, and kept for good, as in the official SDK. */
  readonly #sdkConfigs = new Map<string, Json>()
  #remote: RemoteConfig | undefined
  #samplingMode: SamplingNote["samplingMode"] | undefined
  #specialRate: number | undefined
  #secondaryAsPrimary = false
  #nonExposed = new Map<string, NonExposed>()
  #nonExposedNames = 0
  /** The name counted last: a loop over users checks the same name many times. */
  #lastCounted: NonExposed | undefined

  constructor(queue: EventQueue, options: IntakeOptions) {
    const primaryID = secondaryAsPrimaryID(options.experimentalFlags ?? [])
    this.#queue = queue
    this.#primaryBucket = primaryID === undefined ? undefined : bucketOf(primaryID)
    this.#seen = new Deduplicator(options.dedupeMaxKeys, options.seed)
  }

  /** The tier of users without an environment of their own, from the latest specs. */
  get defaultEnvironment(): string | undefined {
    return this.#remote?.defaultEnvironment
  }

  /** Adds an exposure. Returns whether it has filled a batch. The clock is read for a new one only. */
  logExposure(exposure: Exposure, now: () => number): boolean {
    const { evaluation, user } = exposure
    this.#adopt(evaluation.remote)
    const form = formOf(exposure)
    const { answer, name, ruleID } = form
    const key = userKey(user)
    const unit = form.unitOf(user)
    const isSplit = this.#secondaryAsPrimary
    const secondaries = isSplit ? (secondariesOf(form) ?? noSecondaries) : noSecondaries
    let isFull = false
    if (this.#seen.add(form, answer, key, unit)) {
      const mustLog = evaluation.forwardAllExposures || (evaluation.hasUnsampledSecondaryExposure && !isSplit)
      const maySample = !mustLog && this.#samplingMode !== undefined
      const sampling = maySample ? this.#sample(name, ruleID, evaluation.samplingRate, user, answer, unit) : undefined
      if (sampling !== false)
        isFull = this.#queue.push(exposureText(form, sampling, secondaries.length > 0), user, now())
    }
    for (const secondary of secondaries) if (this.#logSecondary(secondary, user, key, now)) isFull = true
    return isFull
  }

  #logSecondary(secondary: SecondaryExposure, user: User, key: KeyUser, now: () => number): boolean {
    const passed = secondary.gateValue === "true"
    const ruleID = secondary.ruleID === "" ? noRule : secondary.ruleID
    if (!this.#seen.add(hashNames(secondary.gate, ruleID, passed), passed, key, undefined)) return false
    const sampling = this.#sample(secondary.gate, ruleID, undefined, user, passed, undefined)
    return sampling !== false && this.#queue.push(secondaryText(secondary, sampling), user, now())
  }

  /** Adds an event that is not an exposure. Returns whether it has filled a batch. */
  logEvent({ metadata, name, remote, user, value }: CustomEvent, now: number): boolean {
    this.#adopt(remote)
    return this.#queue.push(customText(name, value, metadata), user, now)
  }

  /** Counts a check that logs no exposure. */
  countNonExposed(name: string): void {
    let counter = this.#lastCounted?.name === name ? this.#lastCounted : this.#nonExposed.get(name)
    if (counter === undefined) {
      if (this.#nonExposed.size === maxNonExposed || this.#nonExposedNames + name.length > maxNames) return
      counter = { name, count: 0 }
      this.#nonExposed.set(name, counter)
      this.#nonExposedNames += name.length
    }
    counter.count++
    this.#lastCounted = counter
  }

  /** Turns the counts since the last call into an event. */
  pushCounts(now: number): void {
    if (this.#nonExposed.size === 0) return
    const checks = Object.fromEntries(Array.from(this.#nonExposed.values(), ({ count, name }) => [name, count]))
    this.#nonExposed = new Map()
    this.#nonExposedNames = 0
    this.#lastCounted = undefined
    const metadata = { checks: wellFormedJson(JSON.stringify(checks)) }
    this.#queue.push(customText("statsig::non_exposed_checks", null, metadata), undefined, now)
  }

  /**
   * Clears the remembered exposures once their window is over. `elapsed`: milliseconds since this intake was made, by a
   * monotonic clock.
   */
  forget(elapsed: number): void {
    if (elapsed - this.#seenSince > this.#window("exposure_dedupe_ttl_ms")) {
      this.#seen.clear()
      this.#seenSince = elapsed
    }
    if (elapsed - this.#firstSeenSince > this.#window("exposure_spec_sampling_ttl_ms")) {
      this.#forgetFirstSeen()
      this.#firstSeenSince = elapsed
    }
  }

  #window(name: string): number {
    return integerSetting(this.#sdkConfigs.get(name)) ?? defaultWindow
  }

  #adopt(next: RemoteConfig | undefined): void {
    if (next === undefined || next === this.#remote) return
    this.#remote = next
    for (const [key, value] of next.sdkConfigs) this.#sdkConfigs.set(key, value)
    const mode = this.#sdkConfigs.get("sampling_mode")
    this.#samplingMode = mode === "on" || mode === "shadow" ? mode : undefined
    this.#specialRate = integerSetting(this.#sdkConfigs.get("special_case_sampling_rate"))
    const share = Math.min(Math.max(integerSetting(this.#sdkConfigs.get("sec_expo_number")) ?? 0, 0), 1_000)
    this.#secondaryAsPrimary = this.#primaryBucket !== undefined && this.#primaryBucket < share
  }

  #forgetFirstSeen(): void {
    this.#firstSeen.clear()
    this.#firstSeenSize = 0
    this.#firstSeenNames = 0
  }

  #isFirstSeen(name: string, ruleID: string): boolean {
    if (this.#firstSeen.get(name)?.has(ruleID)) return false
    if (this.#firstSeenSize === maxFirstSeen || this.#firstSeenNames > maxNames) this.#forgetFirstSeen()
    const rules = this.#firstSeen.get(name)
    if (rules === undefined) this.#firstSeen.set(name, new Set([ruleID]))
    else rules.add(ruleID)
    this.#firstSeenSize++
    this.#firstSeenNames += name.length + ruleID.length
    return true
  }

  /** Returns `false` when the exposure is not logged, else the note that is sent with it. */
  #sample(
    name: string,
    ruleID: string,
    ruleRate: number | undefined,
    user: User,
    answer: KeyAnswer,
    unit: string | undefined
  ): SamplingNote | undefined | false {
    const samplingMode = this.#samplingMode
    if (samplingMode === undefined || this.#isFirstSeen(name, ruleID)) return undefined
    const rate = (speciallySampled.has(ruleID) ? this.#specialRate : undefined) ?? ruleRate
    const logged = rate === undefined || isSampled(samplingParts(name, ruleID, user, answer, unit), rate)
    if (!logged && samplingMode === "on") return false
    return { samplingRate: rate ?? null, samplingMode, shadowLogged: logged ? "logged" : "dropped" }
  }
}
