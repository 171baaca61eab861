/**
 * Statsig as an OpenFeature provider, for servers.
 *
 * A flag's key is the name of a gate, a dynamic config, an experiment or a layer, or a name and a parameter:
 * `pricing.currency`. A gate is a boolean. A config whose only parameter is `value` is a flag of that value; any other
 * is a flag of the object of its parameters. Each evaluation whose value is used logs the same exposures as Statsig's
 * own checks; one that ends in an error logs none.
 *
 * Evaluations never throw: their details report errors. Numbers in the tests' names are those of the requirements of
 * the OpenFeature specification, 0.9.0.
 *
 * @since 0.1.0
 */
import {
  ErrorCode,
  type EvaluationContext,
  type FlagMetadata,
  GeneralError,
  type Hook,
  InvalidContextError,
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  ProviderFatalError,
  type ResolutionDetails,
  StandardResolutionReasons,
  type TrackingEventDetails
} from "@openfeature/server-sdk"
import { compileUnit } from "../engine/conditions/conditions.js"
import { textOf } from "../engine/conditions/values.js"
import { changedFlags, type DependencyNode, idListNode, overrideNode } from "../engine/evaluate/dependents.js"
import { type Evaluation, ruleIDOf } from "../engine/evaluate/evaluation.js"
import { kindOf } from "../engine/getters.js"
import { copyJson, emptyObject, type Json, type JsonObject, ownValue } from "../engine/json.js"
import type { Snapshot } from "../engine/payload/snapshot.js"
import type { User } from "../engine/user.js"
import { errorOf, outcomeOf } from "../internal/outcome.js"
import { setImmediate, soon } from "../internal/timers.js"
import { type Internals, internalsOf } from "../promise/internals.js"
import type { SpecStatus } from "../SpecStore.js"
import { ContextProblem, toFlagJson, userOfContext } from "./context.js"

/**
 * A `Statsig` instance of `statsig-effect/promise`.
 *
 * @since 0.1.0
 */
export interface StatsigInstance {
  initialize(): Promise<{ isSuccess: boolean; error?: string }>
  shutdown(): Promise<{ isSuccess: boolean; error?: string }>
}

/**
 * The options of a provider besides its instance.
 *
 * @since 0.1.0
 */
export interface StatsigProviderOptions {
  /** Hooks that run around every evaluation by this provider. Default: none. */
  readonly hooks?: ReadonlyArray<Hook> | undefined
}

/** How often the provider checks whether the specs have become stale, in milliseconds. */
const lookInterval = 1_000

type FlagType = "boolean" | "string" | "number" | "object"

/**
 * The provider of one `Statsig` instance. It initializes the instance, unless that has specs already, and shuts it down
 * when closed: after that it cannot be registered again, and an error says so.
 *
 * The targeting key is the user's `userID`; the members `customIDs`, `email`, `ip`, `userAgent`, `country`, `locale`,
 * `appVersion`, `custom`, `privateAttributes` and `statsigEnvironment` of the context are the user's fields of that
 * name, and every other member is a custom field; there, dates are epoch milliseconds.
 *
 * @example
 * const statsig = new Statsig("secret-…", { environment: "production" })
 * await OpenFeature.setProviderAndWait(new StatsigProvider(statsig))
 * const client = OpenFeature.getClient()
 * await client.getBooleanValue("new_checkout", false, { targetingKey: "u-1" })
 * await client.getStringValue("pricing.currency", "EUR", { targetingKey: "u-1", plan: "pro" })
 *
 * @since 0.1.0
 */
export class StatsigProvider implements Provider {
  readonly metadata = { name: "statsig-effect" } as const
  readonly runsOn = "server"
  /**
   * Reports changes of the provider's state, and the names of changed flags. The result of `initialize` is not reported
   * here: OpenFeature's SDK does that itself.
   */
  readonly events = new OpenFeatureEventEmitter()
  readonly hooks: Array<Hook>
  readonly #instance: StatsigInstance
  readonly #behind: Internals
  #state: "NOT_READY" | "READY" | "STALE" | "ERROR" = "NOT_READY"
  #stopWatching = () => {}
  #closed: Promise<void> | undefined
  /** The specs of the last reported change, and the ID lists at that time. */
  #told: Snapshot | undefined
  #lists: ReadonlyMap<string, number | undefined> = new Map()
  /** What else changed since then besides the specs; `undefined` when there is nothing to report. */
  #changed: Set<DependencyNode> | undefined
  #isTelling = false

  /** Throws a `TypeError` for anything but an instance of `statsig-effect/promise`. */
  constructor(statsig: StatsigInstance, options: StatsigProviderOptions = {}) {
    this.#behind = internalsOf(statsig, "StatsigProvider takes a Statsig instance of statsig-effect/promise")
    this.#instance = statsig
    this.hooks = [...(options.hooks ?? [])]
  }

  /**
   * Loads the specs if there are none. Rejects when that fails, with `PROVIDER_FATAL` when Statsig rejects the key;
   * polling continues, and the provider becomes ready when specs arrive.
   */
  async initialize(): Promise<void> {
    await this.#reopen()
    const result = this.#hasSpecs() ? { isSuccess: true } : await this.#instance.initialize()
    if (this.#closed !== undefined) throw new GeneralError("the provider was closed while it was initialised")
    this.#watch()
    const isReady = result.isSuccess && this.#hasSpecs()
    this.#state = isReady ? "READY" : "ERROR"
    if (isReady) return
    const message = result.error ?? "there are no specs, and none can be fetched"
    const isFatal = isRefusal(this.#behind.status())
    throw isFatal ? new ProviderFatalError(message) : new GeneralError(message)
  }

  /** The SDK registers a provider again without waiting for it to close, and a closed instance is not restarted. */
  async #reopen(): Promise<void> {
    if (this.#closed === undefined) return
    // The caller of `onClose` gets the error.
    await this.#closed.catch(() => {})
    if (!this.#behind.isRunning()) {
      throw new ProviderFatalError("the provider was closed and its Statsig shut down; make another of both")
    }
    this.#closed = undefined
  }

  /** Sends the logged events and shuts the instance down. Further calls wait for the same. */
  onClose(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#stopWatching()
    this.#state = "NOT_READY"
    const { error, isSuccess } = await this.#instance.shutdown()
    if (!isSuccess) throw new GeneralError(error ?? "the instance could not be shut down")
  }

  async resolveBooleanEvaluation(
    flagKey: string,
    defaultValue: boolean,
    context: EvaluationContext
  ): Promise<ResolutionDetails<boolean>> {
    return this.#resolve("boolean", flagKey, defaultValue, context)
  }

  async resolveStringEvaluation(
    flagKey: string,
    defaultValue: string,
    context: EvaluationContext
  ): Promise<ResolutionDetails<string>> {
    return this.#resolve("string", flagKey, defaultValue, context)
  }

  async resolveNumberEvaluation(
    flagKey: string,
    defaultValue: number,
    context: EvaluationContext
  ): Promise<ResolutionDetails<number>> {
    return this.#resolve("number", flagKey, defaultValue, context)
  }

  async resolveObjectEvaluation<T extends JsonValue>(
    flagKey: string,
    defaultValue: T,
    context: EvaluationContext
  ): Promise<ResolutionDetails<T>> {
    return this.#resolve("object", flagKey, defaultValue, context)
  }

  /**
   * Logs an event. The details' `value` is the event's, the others are its metadata. Throws `InvalidContextError` for a
   * context that is not a user.
   */
  track(trackingEventName: string, context: EvaluationContext, trackingEventDetails?: TrackingEventDetails): void {
    const user = userOfContext(context ?? {})
    if (user instanceof ContextProblem) throw new InvalidContextError(user.message)
    const { value, ...metadata } = trackingEventDetails ?? {}
    this.#behind.statsig.logEvent(
      user,
      trackingEventName,
      value ?? null,
      Object.keys(metadata).length === 0 ? null : (toFlagJson(metadata, date => date.toISOString()) as JsonObject)
    )
  }

  #resolve<T>(type: FlagType, key: string, defaultValue: T, context: EvaluationContext): ResolutionDetails<T> {
    const failed = (errorCode: ErrorCode, errorMessage: string, flagMetadata: FlagMetadata = {}) => ({
      value: defaultValue,
      reason: StandardResolutionReasons.ERROR,
      errorCode,
      errorMessage,
      flagMetadata
    })
    if (this.#closed !== undefined) return failed(ErrorCode.PROVIDER_NOT_READY, "the provider was closed")
    const user = userOfContext(context ?? {})
    if (user instanceof ContextProblem) return failed(ErrorCode.INVALID_CONTEXT, user.message)
    const target = locate(this.#behind, user, key, type === "boolean")
    if (target === undefined) return failed(...this.#missing(key))
    const { kind, name, parameter } = target
    if (kind === "gate" && type !== "boolean") return failed(ErrorCode.TYPE_MISMATCH, `${key} is a gate, no ${type}`)
    if (kind === "parameterStore" && parameter === undefined) {
      return failed(ErrorCode.TYPE_MISMATCH, `${key} is a parameter store: ask for ${key}.<parameter>`)
    }

    const { snapshot } = this.#behind.store.current()
    const { evaluation, finish, stored } = this.#behind.statsig.checks.look(user, target)
    const refused = (...error: Parameters<typeof failed>) => {
      finish(false)
      return failed(...error)
    }
    const flagMetadata = metadataOf(target, evaluation)
    const outcome =
      kind === "parameterStore" ? errorOf(key, evaluation.reason) : outcomeOf(snapshot, kind, name, evaluation)
    const unit = kind === "parameterStore" ? undefined : snapshot?.spec(kind, name)?.idType
    if (unit !== undefined && outcome?._tag === "Resolved" && outcome.reason === "split") {
      const message = `${key} is split by ${unit}, and the context has none`
      if (!textOf(compileUnit(unit)(user))) return refused(ErrorCode.TARGETING_KEY_MISSING, message)
    }
    if (outcome?._tag === "Failed") return refused(errorCodes[outcome.type], outcome.message, flagMetadata)
    const reasonOf = (reason: string): string =>
      this.#state === "STALE" ? StandardResolutionReasons.STALE : reason.toUpperCase()
    const value =
      kind === "gate" ? evaluation.bool : kind === "parameterStore" ? stored : resolvedValue(evaluation, parameter)
    const isDisabled = kind !== "gate" && outcome?.reason === "disabled"
    if (isDisabled || isNothing(type, value)) {
      finish(true)
      return { value: defaultValue, reason: reasonOf(isDisabled ? "disabled" : "default"), flagMetadata }
    }
    if (typeof value !== type) {
      const message = `${key} is of type ${kindOf(value)}, and a ${type} was asked for`
      return refused(ErrorCode.TYPE_MISMATCH, message, flagMetadata)
    }
    finish(true)
    return {
      value: copyJson(value) as T,
      reason: reasonOf(outcome?.reason ?? "unknown"),
      ...(outcome === undefined ? {} : { variant: outcome.variant }),
      flagMetadata
    }
  }

  #missing(key: string): [ErrorCode, string] {
    const { snapshot, source } = this.#behind.store.current()
    if (snapshot === undefined) return [ErrorCode.PROVIDER_NOT_READY, `there are no specs (${source})`]
    const bad = this.#behind.status().warnings.find(({ name }) => name === key || key.startsWith(`${name}.`))
    return bad === undefined
      ? [ErrorCode.FLAG_NOT_FOUND, `flag ${key} not found`]
      : [ErrorCode.PARSE_ERROR, `flag ${key} cannot be used: ${bad.message}`]
  }

  #hasSpecs(): boolean {
    return this.#behind.store.current().snapshot !== undefined
  }

  #become(state: "READY" | "STALE", details: { message?: string } = {}): void {
    if (this.#state === state) return
    this.#state = state
    this.events.emit(state === "READY" ? ProviderEvents.Ready : ProviderEvents.Stale, {
      providerName: this.metadata.name,
      ...details
    })
  }

  #watch(): void {
    this.#stopWatching()
    const { overrides, store } = this.#behind
    this.#told = store.current().snapshot
    this.#lists = listTimes(this.#behind)
    const timer = setInterval(() => {
      this.#look()
      this.#lookAtLists()
    }, lookInterval)
    timer.unref()
    const endSpecs = store.onChange(() => this.#note([]))
    const endOverrides = overrides.onChange(names =>
      this.#note(names.map(({ kind, name }) => overrideNode(kind, name)))
    )
    this.#stopWatching = () => {
      clearInterval(timer)
      endSpecs()
      endOverrides()
    }
  }

  #look(): void {
    if (!this.#hasSpecs()) return
    const { isStale, lastError } = this.#behind.status()
    const message = lastError?.message ?? "Statsig has not been heard of for three sync intervals"
    if (!isStale) this.#become("READY")
    else if (this.#state !== "ERROR") this.#become("STALE", { message })
  }

  #lookAtLists(): void {
    const before = this.#lists
    this.#lists = listTimes(this.#behind)
    const names = new Set([...before.keys(), ...this.#lists.keys()])
    const changed = [...names].filter(name => before.get(name) !== this.#lists.get(name))
    if (changed.length > 0) this.#note(changed.map(idListNode))
  }

  /** Notes what changed besides the specs. An update must not wait for the handlers. */
  #note(nodes: ReadonlyArray<DependencyNode>): void {
    if (this.#changed === undefined) {
      this.#changed = new Set()
      soon(() => void this.#tell())
    }
    for (const node of nodes) this.#changed.add(node)
  }

  /** Reports which flags may have changed, as long as there are changes. Reports run one after the other. */
  async #tell(): Promise<void> {
    if (this.#isTelling) return
    this.#isTelling = true
    try {
      while (this.#changed !== undefined && this.#closed === undefined) {
        this.#look()
        const [nodes, before] = [this.#changed, this.#told]
        this.#changed = undefined
        this.#told = this.#behind.store.current().snapshot
        const flagsChanged = await inSlices(changedFlags(before, this.#told, nodes))
        if (this.#closed === undefined && flagsChanged.length > 0) this.#tellOf(flagsChanged)
      }
    } finally {
      this.#changed = undefined
      this.#isTelling = false
    }
  }

  #tellOf(flags: ReadonlyArray<string>): void {
    const details = { providerName: this.metadata.name, flagsChanged: [...flags] }
    this.events.emit(ProviderEvents.ConfigurationChanged, details)
  }
}

/** When each ID list last changed. */
const listTimes = ({ idListStatus }: Internals): ReadonlyMap<string, number | undefined> =>
  new Map(idListStatus().lists.map(({ name, updatedAt }) => [name, updatedAt]))

/** Runs long work that yields to the event loop. */
const inSlices = async <A>(work: Generator<void, A>): Promise<A> => {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
    await new Promise(resume => setImmediate(resume))
  }
}

const errorCodes = {
  provider_not_ready: ErrorCode.PROVIDER_NOT_READY,
  flag_not_found: ErrorCode.FLAG_NOT_FOUND,
  parse_error: ErrorCode.PARSE_ERROR,
  general: ErrorCode.GENERAL
} as const

/** Whether the last error from Statsig is a rejected key. */
const isRefusal = ({ lastError }: SpecStatus): boolean =>
  lastError?._tag === "SpecSourceError" && (lastError.status === 401 || lastError.status === 403)

/** The value of the parameter, or the whole value; that of the parameter `value` if it is the only one. */
const resolvedValue = ({ value = emptyObject }: Evaluation, parameter: string | undefined): Json | undefined => {
  if (parameter !== undefined) return ownValue(value, parameter)
  const [first, ...others] = Object.keys(value)
  return first === "value" && others.length === 0 ? value["value"] : value
}

/** Whether a flag has no value of its own: a missing or `null` parameter, or parameters where a scalar is requested. */
const isNothing = (type: FlagType, value: Json | undefined): value is null | undefined =>
  value === undefined ||
  value === null ||
  (type !== "object" && kindOf(value) === "object" && Object.keys(value).length === 0)

/** Statsig's details of the evaluation, under its own names. Unknown details are left out. */
const metadataOf = ({ kind, name, parameter }: FlagTarget, evaluation: Evaluation): FlagMetadata => {
  const { configDelegate, groupName, idType, lcut, receivedAt, reason, version } = evaluation
  const ruleID =
    (parameter === undefined ? undefined : evaluation.parameterRuleIDs?.get(parameter)) ?? ruleIDOf(evaluation)
  const members: Readonly<Record<string, string | number | undefined>> = {
    kind,
    name,
    parameter,
    reason,
    ruleID: ruleID === "" ? undefined : ruleID,
    groupName,
    idType,
    allocatedExperimentName: kind === "layer" ? configDelegate : undefined,
    lcut,
    receivedAt,
    version
  }
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as FlagMetadata
}

/** A name of a kind, and the requested parameter. */
interface FlagTarget {
  readonly kind: "gate" | "dynamicConfig" | "experiment" | "layer" | "parameterStore"
  readonly name: string
  readonly parameter: string | undefined
}

const flagKinds = ["config", "gate", "layer", "parameterStore"] as const
const kindsForBoolean = ["gate", "config", "layer", "parameterStore"] as const

/**
 * The target of a flag's key for this user: overrides may apply to some users only.
 *
 * A key is a name, or a name and one of its parameters: `pricing`, `pricing.currency`. A name that contains dots is
 * looked up in full first, then the longest name that the key starts with. If several kinds have the same name, the
 * order of `flagKinds` decides; for a boolean a gate comes first.
 */
const locate = (behind: Internals, user: User, key: string, wantsBoolean: boolean): FlagTarget | undefined => {
  const find = (name: string, parameter: string | undefined): FlagTarget | undefined => {
    for (const kind of wantsBoolean ? kindsForBoolean : flagKinds) {
      if (parameter !== undefined && kind === "gate") continue
      const found = kind === "config" ? configKind(behind, user, name) : isKnown(behind, user, kind, name) && kind
      if (found) return { kind: found, name, parameter }
    }
    return undefined
  }
  const whole = find(key, undefined)
  if (whole !== undefined) return whole
  for (let dot = key.lastIndexOf("."); dot > 0; dot = key.lastIndexOf(".", dot - 1)) {
    const target = find(key.slice(0, dot), key.slice(dot + 1))
    if (target !== undefined) return target
  }
  return undefined
}

const configKind = (behind: Internals, user: User, name: string): "dynamicConfig" | "experiment" | undefined => {
  const spec = behind.store.current().snapshot?.spec("experiment", name)
  if (spec !== undefined) return spec.entity === "dynamic_config" ? "dynamicConfig" : "experiment"
  if (isKnown(behind, user, "experiment", name)) return "experiment"
  return isKnown(behind, user, "dynamicConfig", name) ? "dynamicConfig" : undefined
}

const isKnown = ({ overrides, store }: Internals, user: User, kind: FlagTarget["kind"], name: string): boolean => {
  if (!overrides.isEmpty() && overrides.find(kind, name, user) !== undefined) return true
  const { snapshot } = store.current()
  if (snapshot === undefined) return false
  return kind === "parameterStore"
    ? snapshot.parameterStores.has(name)
    : snapshot.spec(kind, name) !== undefined || snapshot.isReplaceable(kind, name)
}
