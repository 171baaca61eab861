/**
 * SDK events: notify a program of every evaluation and every update of the specs.
 *
 * An event is never delivered within the call that caused it. Each subscription gets its events in order, as its own
 * copies; one that throws does not affect others.
 */

import { ruleIDOf } from "../engine/evaluate/evaluation.js"
import { copyJsonObject } from "../engine/json.js"
import { setImmediate } from "../internal/timers.js"
import type { SpecStore } from "../SpecStore.js"
import type * as Core from "../Statsig.js"
import { complain } from "./complain.js"

/** The names that can be subscribed to; `*` means all others. */
export type SdkEvent =
  | "*"
  | "gate_evaluated"
  | "dynamic_config_evaluated"
  | "experiment_evaluated"
  | "layer_evaluated"
  | "specs_updated"

const eventName = /^(?:\*|(?:gate|dynamic_config|experiment|layer)_evaluated|specs_updated)$/

/**
 * Receives the events that are subscribed to.
 *
 * @since 0.1.0
 */
// biome-ignore lint/suspicious/noExplicitAny: as the official package declares it
export type SdkEventCallback = (event: any) => void

/** The maximum number of undelivered events; further ones are dropped until the event loop gets a turn. */
const maxWaiting = 10_000

/** The id of a subscription to an unknown name. */
export const invalidSubscription = "ERROR@ERROR"

/** The subscriptions of one instance. */
export class Subscriptions {
  readonly #callbacks = new Map<string, { readonly name: string; readonly callback: SdkEventCallback }>()
  #waiting: Array<{ readonly name: Exclude<SdkEvent, "*">; readonly data: () => unknown }> = []
  #delivered: Promise<void> = Promise.resolve()
  #end: (() => void) | undefined

  /**
   * `listen` is called when the first subscription is added; the function that it returns when the last one is removed.
   */
  constructor(private readonly listen: (subscriptions: Subscriptions) => () => void) {}

  /** The subscription's id, or `invalidSubscription` for an unknown name. */
  add(name: string, callback: SdkEventCallback): string {
    if (!eventName.test(name)) return invalidSubscription
    const id = `${crypto.randomUUID()}@${name}`
    this.#callbacks.set(id, { name, callback })
    this.#end ??= this.listen(this)
    return id
  }

  removeById(id: string): void {
    this.#callbacks.delete(id)
    this.#endIfEmpty()
  }

  /** Removes the subscriptions of exactly this name. */
  removeByName(name: string): void {
    for (const [id, subscription] of this.#callbacks) if (subscription.name === name) this.#callbacks.delete(id)
    this.#endIfEmpty()
  }

  clear(): void {
    this.#callbacks.clear()
    this.#endIfEmpty()
  }

  /** Delivers an event later. `data` is called for each subscription that gets it. */
  emit(name: Exclude<SdkEvent, "*">, data: () => unknown): void {
    if (this.#waiting.length >= maxWaiting) return
    this.#waiting.push({ name, data })
    if (this.#waiting.length > 1) return
    this.#delivered = new Promise(done =>
      setImmediate(() => {
        this.#deliver()
        done()
      })
    )
  }

  /** Resolves when everything emitted until now has been delivered. */
  get delivered(): Promise<void> {
    return this.#delivered
  }

  #endIfEmpty(): void {
    if (this.#callbacks.size > 0) return
    this.#end?.()
    this.#end = undefined
  }

  #deliver(): void {
    const events = this.#waiting
    this.#waiting = []
    for (const { data, name } of events) {
      for (const { callback, name: wanted } of [...this.#callbacks.values()]) {
        if (wanted !== "*" && wanted !== name) continue
        try {
          callback({ event_name: name, data: data() })
        } catch (error) {
          complain("error", `[Statsig] Error parsing SDK Event: ${error}`)
        }
      }
    }
  }
}

/** Converts the service's results to the events that programs subscribe to. */
export const followAnswers = (statsig: Core.Service, subscriptions: Subscriptions) =>
  statsig.onCheck(({ evaluation, kind, name }) => {
    const { reason } = evaluation
    const ruleID = ruleIDOf(evaluation)
    const found = evaluation.ruleID === undefined ? null : ruleID
    const value = () => (evaluation.value === undefined ? null : copyJsonObject(evaluation.value))
    const group_name = evaluation.groupName ?? null
    const shared = { reason, rule_id: found }
    const events = {
      gate: () => ({ gate_name: name, rule_id: ruleID, value: evaluation.bool, reason }),
      dynamicConfig: () => ({ config_name: name, ...shared, value: value() }),
      experiment: () => ({ experiment_name: name, ...shared, value: value(), group_name }),
      layer: () => ({ layer_name: name, ...shared })
    }
    const kindName = kind === "dynamicConfig" ? "dynamic_config" : kind
    subscriptions.emit(`${kindName}_evaluated`, events[kind])
  })

export const followSpecs = (store: SpecStore["Type"], subscriptions: Subscriptions) =>
  store.onChange(({ source, sourceApi }) => {
    const specs = store.current().snapshot?.body.bytes
    if (specs === undefined) return
    const adapter = /^Adapter\((.*)\)$/.exec(source)
    subscriptions.emit("specs_updated", () => ({
      source: adapter === null ? source : { Adapter: adapter[1] },
      source_api: sourceApi ?? (source === "Adapter(DataStore)" ? "datastore" : null),
      // Parsed only when it is read: it may be large.
      get values() {
        return JSON.parse(new TextDecoder().decode(specs))
      }
    }))
  })
