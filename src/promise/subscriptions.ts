/**
 * SDK events: what a program subscribes to hear of every evaluation and every update of the specs.
 *
 * An event is never delivered within the call that caused it. Each subscription gets its events in order, as copies of
 * its own; one that throws stops no other.
 */

/** The names that can be subscribed to; `*` stands for all others. */
export type SdkEvent =
  | "*"
  | "gate_evaluated"
  | "dynamic_config_evaluated"
  | "experiment_evaluated"
  | "layer_evaluated"
  | "specs_updated"

const names: ReadonlySet<string> = new Set<SdkEvent>([
  "*",
  "gate_evaluated",
  "dynamic_config_evaluated",
  "experiment_evaluated",
  "layer_evaluated",
  "specs_updated"
])

// biome-ignore lint/suspicious/noExplicitAny: as the official package declares it
export type SdkEventCallback = (event: any) => void

/** Events that wait for delivery; further ones are dropped until the event loop gets a turn. */
const maxWaiting = 10_000

/** The subscriptions of one instance. */
export class Subscriptions {
  readonly #callbacks = new Map<string, { readonly name: string; readonly callback: SdkEventCallback }>()
  #waiting: Array<{ readonly name: Exclude<SdkEvent, "*">; readonly data: () => unknown }> = []

  /** Whether anybody listens: what nobody hears need not be made. */
  get isEmpty(): boolean {
    return this.#callbacks.size === 0
  }

  /** The subscription's id, or `ERROR@ERROR` for a name that does not exist. */
  add(name: string, callback: SdkEventCallback): string {
    if (!names.has(name)) return "ERROR@ERROR"
    const id = `${crypto.randomUUID()}@${name}`
    this.#callbacks.set(id, { name, callback })
    return id
  }

  removeById(id: string): void {
    this.#callbacks.delete(id)
  }

  /** Removes the subscriptions of exactly this name. */
  removeByName(name: string): void {
    for (const [id, subscription] of this.#callbacks) if (subscription.name === name) this.#callbacks.delete(id)
  }

  clear(): void {
    this.#callbacks.clear()
  }

  /** Delivers an event later. `data` is called for each subscription that gets it. */
  emit(name: Exclude<SdkEvent, "*">, data: () => unknown): void {
    if (this.#waiting.length >= maxWaiting) return
    this.#waiting.push({ name, data })
    if (this.#waiting.length === 1) setImmediate(() => this.#deliver())
  }

  #deliver(): void {
    const events = this.#waiting
    this.#waiting = []
    for (const { data, name } of events) {
      for (const subscription of [...this.#callbacks.values()]) {
        if (subscription.name !== "*" && subscription.name !== name) continue
        try {
          subscription.callback({ event_name: name, data: data() })
        } catch (error) {
          console.error(`[Statsig] Error parsing SDK Event: ${error}`)
        }
      }
    }
  }
}
