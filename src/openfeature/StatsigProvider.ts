/**
 * Statsig as a provider of OpenFeature, for servers.
 *
 * A flag's key is the name of a gate, a dynamic config, an experiment or a layer, or a name and a parameter:
 * `pricing.currency`. A gate is a boolean. A config whose only parameter is `value` is a flag of that value; any other
 * is a flag of the object that its parameters make. Each evaluation logs the exposures that Statsig's own checks log.
 *
 * Evaluations never throw: what goes wrong is told in their details. Numbers in the tests' names are those of the
 * requirements of the OpenFeature specification, 0.9.0.
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
import { compileUnit } from "../engine/conditions.js"
import { type Evaluation, ruleIDOf } from "../engine/evaluation.js"
import { copyJson, emptyObject, kindOf, ownValue } from "../engine/getters.js"
import type { Json, User } from "../engine/user.js"
import { textOf } from "../engine/values.js"
import { errorOf, outcomeOf } from "../internal/outcome.js"
import { type Internals, internals } from "../promise/internals.js"
import type { SpecChange, SpecStatus } from "../SpecStore.js"
import { ContextProblem, userOf } from "./context.js"
import { locate, type Target } from "./flags.js"

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
 * What a provider is made with beside its instance.
 *
 * @since 0.1.0
 */
export interface StatsigProviderOptions {
  /** Hooks that run around every evaluation by this provider. Default: none. */
  readonly hooks?: ReadonlyArray<Hook> | undefined
}

/** How often is looked whether the specs have become stale, in milliseconds. */
const lookInterval = 1_000

/** What an evaluation of a target found: a value, and how it came about. */
interface Found {
  readonly value: Json | undefined
  readonly evaluation: Evaluation
  /** Logs what the value owes once it is known to be used. */
  readonly expose: () => void
}

type FlagType = "boolean" | "string" | "number" | "object"

/**
 * The provider of one `Statsig` instance. It initialises the instance, unless that has specs already, and shuts it down
 * when it is closed: it cannot be registered again after that, and says so.
 *
 * The targeting key is the user's `userID`; the members `customIDs`, `email`, `ip`, `userAgent`, `country`, `locale`,
 * `appVersion`, `custom`, `privateAttributes` and `statsigEnvironment` of the context are the user's fields of that name,
 * and every other member is a custom field; dates are epoch milliseconds there.
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
  /** Tells of every change of the provider's state, and of changed flags by their names. */
  readonly events = new OpenFeatureEventEmitter()
  readonly hooks: Array<Hook>
  readonly #instance: StatsigInstance
  readonly #behind: Internals
  #state: "NOT_READY" | "READY" | "STALE" | "ERROR" = "NOT_READY"
  #stopWatching = () => {}
  #closed: Promise<void> | undefined

  /** Throws a `TypeError` for anything but an instance of `statsig-effect/promise`. */
  constructor(statsig: StatsigInstance, options: StatsigProviderOptions = {}) {
    const behind = (statsig as { [internals]?: Internals } | undefined)?.[internals]
    if (behind === undefined) throw new TypeError("StatsigProvider takes a Statsig instance of statsig-effect/promise")
    this.#instance = statsig
    this.#behind = behind
    this.hooks = [...(options.hooks ?? [])]
  }

  /**
   * Loads the specs where there are none. Rejects when that fails, with `PROVIDER_FATAL` when Statsig refuses the key;
   * polling goes on, and the provider becomes ready when it brings specs.
   */
  async initialize(): Promise<void> {
    await this.#reopen()
    const result = this.#hasSpecs() ? { isSuccess: true } : await this.#instance.initialize()
    // Events are for those who listen, and they cannot before this function has given its promise.
    await Promise.resolve()
    if (this.#closed !== undefined) throw new GeneralError("the provider was closed while it was initialised")
    this.#watch()
    if (result.isSuccess && this.#hasSpecs()) return this.#become("READY")
    const message = result.error ?? "there are no specs, and none can be fetched"
    const isFatal = isRefusal(this.#behind.status())
    this.#become("ERROR", { message, errorCode: isFatal ? ErrorCode.PROVIDER_FATAL : ErrorCode.GENERAL })
    throw isFatal ? new ProviderFatalError(message) : new GeneralError(message)
  }

  /** The SDK registers a provider anew without waiting for its end, and nobody starts what was shut down. */
  async #reopen(): Promise<void> {
    if (this.#closed === undefined) return
    // Whoever closed it hears of what went wrong.
    await this.#closed.catch(() => {})
    if (!this.#behind.isRunning()) {
      throw new ProviderFatalError("the provider was closed and its Statsig shut down; make another of both")
    }
    this.#closed = undefined
  }

  /** Sends what was logged and shuts the instance down. Further calls wait for the same. */
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
   * context that is no user.
   */
  track(trackingEventName: string, context: EvaluationContext, trackingEventDetails?: TrackingEventDetails): void {
    const user = userOf(context ?? {})
    if (user instanceof ContextProblem) throw new InvalidContextError(user.message)
    const { value, ...metadata } = trackingEventDetails ?? {}
    this.#behind.statsig.logEvent(
      user,
      trackingEventName,
      value ?? null,
      Object.keys(metadata).length === 0 ? null : JSON.parse(JSON.stringify(metadata))
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
    const user = userOf(context ?? {})
    if (user instanceof ContextProblem) return failed(ErrorCode.INVALID_CONTEXT, user.message)
    const target = locate(this.#behind, user, key, type === "boolean")
    if (target === undefined) return failed(...this.#missing(key))
    const { kind, name, parameter } = target
    if (kind === "gate" && type !== "boolean") return failed(ErrorCode.TYPE_MISMATCH, `${key} is a gate, no ${type}`)
    if (kind === "parameterStore" && parameter === undefined) {
      return failed(ErrorCode.TYPE_MISMATCH, `${key} is a parameter store: ask for ${key}.<parameter>`)
    }

    const { snapshot } = this.#behind.store.current()
    const outcomeOfFound = ({ evaluation }: Found) =>
      kind === "parameterStore" ? errorOf(key, evaluation.reason) : outcomeOf(snapshot, kind, name, evaluation)
    const unit = kind === "parameterStore" ? undefined : snapshot?.spec(kind, name)?.idType
    if (unit !== undefined && !textOf(compileUnit(unit)(user))) {
      const outcome = outcomeOfFound(this.#evaluate(target, user, true))
      if (outcome?._tag === "Resolved" && outcome.reason === "split") {
        const message = `${key} is split by ${unit}, and the context has none`
        return failed(ErrorCode.TARGETING_KEY_MISSING, message)
      }
    }

    const found = this.#evaluate(target, user, false)
    const flagMetadata = metadataOf(target, found.evaluation)
    const outcome = outcomeOfFound(found)
    if (outcome?._tag === "Failed") return failed(errorCodes[outcome.type], outcome.message, flagMetadata)
    const reasonOf = (reason: string): string =>
      this.#state === "STALE" ? StandardResolutionReasons.STALE : reason.toUpperCase()
    const { value } = found
    const isNothing = value === undefined || value === null || (type !== "object" && isEmptyObject(value))
    if (isNothing) {
      found.expose()
      const reason = outcome?.reason === "disabled" ? "disabled" : "default"
      return { value: defaultValue, reason: reasonOf(reason), flagMetadata }
    }
    if (!isOf(type, value)) {
      const message = `${key} is of type ${kindOf(value)}, and a ${type} was asked for`
      return failed(ErrorCode.TYPE_MISMATCH, message, flagMetadata)
    }
    found.expose()
    return {
      value: copyJson(value) as T,
      reason: reasonOf(outcome?.reason ?? "unknown"),
      ...(outcome === undefined ? {} : { variant: outcome.variant }),
      flagMetadata
    }
  }

  #evaluate({ kind, name, parameter }: Target, user: User, disableExposureLogging: boolean): Found {
    const { statsig } = this.#behind
    const options = { disableExposureLogging }
    const nothing = () => {}
    switch (kind) {
      case "gate": {
        const { evaluation, value } = statsig.getFeatureGate(user, name, options)
        return { value, evaluation, expose: nothing }
      }
      case "dynamicConfig": {
        const { evaluation } = statsig.getDynamicConfig(user, name, options)
        return { value: valueOf(evaluation, parameter), evaluation, expose: nothing }
      }
      case "experiment": {
        const { evaluation } = statsig.getExperiment(user, name, options)
        return { value: valueOf(evaluation, parameter), evaluation, expose: nothing }
      }
      case "layer": {
        const layer = statsig.getLayer(user, name, options)
        const { evaluation } = layer
        const read = parameter === undefined ? Object.keys(evaluation.value ?? {}) : [parameter]
        const expose = () => {
          for (const parameter of read) layer.logExposure(parameter)
        }
        return { value: valueOf(evaluation, parameter), evaluation, expose }
      }
      case "parameterStore": {
        const store = statsig.getParameterStore(user, name, options)
        return { value: store.get<Json>(parameter!, null) as Json, evaluation: store.evaluation, expose: nothing }
      }
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

  #become(state: "READY" | "STALE" | "ERROR", details: { message?: string; errorCode?: ErrorCode } = {}): void {
    if (this.#state === state) return
    this.#state = state
    this.events.emit(eventOf[state], { providerName: this.metadata.name, ...details })
  }

  #watch(): void {
    this.#stopWatching()
    const timer = setInterval(() => this.#look(), lookInterval)
    timer.unref()
    const endChanges = this.#behind.store.onChange(change =>
      // An update is not to wait for those who hear of it.
      queueMicrotask(() => {
        if (this.#closed !== undefined) return
        this.#look()
        this.events.emit(ProviderEvents.ConfigurationChanged, {
          providerName: this.metadata.name,
          flagsChanged: namesOf(change)
        })
      })
    )
    this.#stopWatching = () => {
      clearInterval(timer)
      endChanges()
    }
  }

  #look(): void {
    if (!this.#hasSpecs()) return
    const { isStale, lastError } = this.#behind.status()
    const message = lastError?.message ?? "Statsig has not been heard of for three sync intervals"
    if (!isStale) this.#become("READY")
    else if (this.#state !== "ERROR") this.#become("STALE", { message })
  }
}

const eventOf = {
  READY: ProviderEvents.Ready,
  STALE: ProviderEvents.Stale,
  ERROR: ProviderEvents.Error
} as const

const errorCodes = {
  provider_not_ready: ErrorCode.PROVIDER_NOT_READY,
  flag_not_found: ErrorCode.FLAG_NOT_FOUND,
  parse_error: ErrorCode.PARSE_ERROR,
  general: ErrorCode.GENERAL
} as const

/** Whether the last that was heard of Statsig is that the key is not one of its. */
const isRefusal = ({ lastError }: SpecStatus): boolean =>
  lastError?._tag === "SpecSourceError" && (lastError.status === 401 || lastError.status === 403)

const namesOf = ({ dynamicConfigs, gates, layers }: SpecChange): Array<string> => [
  ...new Set(
    [gates, dynamicConfigs, layers].flatMap(({ added, changed, removed }) => [...added, ...changed, ...removed])
  )
]

/** The value of the parameter, or of the whole: that of the parameter `value`, where it is the only one. */
const valueOf = ({ value = emptyObject }: Evaluation, parameter: string | undefined): Json | undefined => {
  if (parameter !== undefined) return ownValue(value, parameter)
  const [first, ...others] = Object.keys(value)
  return first === "value" && others.length === 0 ? value["value"] : value
}

const isEmptyObject = (value: Json): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0

const isOf = (type: FlagType, value: Json): boolean =>
  type === "object" ? typeof value === "object" : typeof value === type

/** What Statsig says of the answer, under its own names. What is not known is left out. */
const metadataOf = ({ kind, name, parameter }: Target, evaluation: Evaluation): FlagMetadata => {
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
  const metadata: FlagMetadata = {}
  for (const [member, value] of Object.entries(members)) if (value !== undefined) metadata[member] = value
  return metadata
}
