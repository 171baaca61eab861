/**
 * The held specs: one variable that checks read. A payload is decoded, compared with the held one and, if it is newer,
 * published in one assignment. Then the listeners are notified.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Iterable from "effect/Iterable"
import * as Queue from "effect/Queue"
import type { BadPart, Snapshot } from "../../../src/engine/payload/snapshot.js"
import { inSlices } from "../../../src/internal/eventLoop.js"
import { makeListeners } from "../../../src/internal/listeners.js"
import type { Observe } from "../../../src/internal/observe.js"
import type { Apply, SpecResponse } from "../../../src/SpecSource.js"
import type { SpecChange, SpecState } from "../../../src/SpecStore.js"
import * as Specs from "../../../src/Specs.js"
import { SpecsError } from "../../../src/StatsigError.js"
import * as Protobuf from "../protobuf/decode.js"

/** The maximum number of warnings of one snapshot in the status. */
const warningsKept = 1_000

/** Clocks differ a little. In milliseconds. */
const farthestTime = 24 * 60 * 60 * 1_000

/** For a protobuf payload: its hash, and the envelopes that were skipped. */
interface HeldProtobuf {
  readonly hash: string
  readonly warnings: ReadonlyArray<BadPart>
}

interface ReceivedPayload {
  readonly parsed: Specs.Parsed
  /** `whole`: the payload, if it needs no held specs to be decoded. */
  readonly protobuf?: HeldProtobuf & { readonly whole: Uint8Array | undefined }
}

export interface HeldSpecsOptions {
  /** The maximum size of a payload in bytes. */
  readonly limit: number
  /** Whether all specs are compiled before they are published. */
  readonly compilesFirst: boolean
  readonly observe: Observe
  readonly onWarning: (warning: Specs.SpecWarning) => void
}

export class HeldSpecs {
  state: SpecState = {
    source: "Uninitialized",
    sourceApi: undefined,
    snapshot: undefined,
    receivedAt: undefined,
    defaultEnvironment: undefined
  }
  readonly changes = makeListeners<SpecChange>()
  #protobuf: HeldProtobuf | undefined
  readonly #published = Effect.runSync(Queue.sliding<Snapshot>(1))

  /** Compiles what is published, in the background and as long as it is held. */
  readonly compiling: Effect.Effect<never> = Effect.forever(
    Effect.flatMap(Queue.take(this.#published), snapshot => {
      const pieces = Iterable.takeWhile(snapshot.compile(), () => this.state.snapshot === snapshot)
      return inSlices(pieces, true)
    })
  )

  constructor(private readonly options: HeldSpecsOptions) {}

  /** The parts of the specs that were invalid. */
  get warnings(): ReadonlyArray<Specs.SpecWarning> {
    const ofSnapshot = Iterable.take(this.state.snapshot?.badParts() ?? [], warningsKept)
    return [...(this.#protobuf?.warnings ?? []), ...ofSnapshot]
  }

  /**
   * Whether the specs are from a data store and dated in the future. Others write to such stores too, and such specs
   * would block all later ones for ever.
   */
  isBeyond(now: number): boolean {
    const { snapshot, source } = this.state
    return source === "Adapter(DataStore)" && snapshot !== undefined && snapshot.time > now + farthestTime
  }

  /**
   * Loads the first specs by this sync. The default environment is set only here: it stays the same for the whole life
   * of an instance.
   */
  loadBy<E>(sync: Effect.Effect<void, E>): Effect.Effect<void, E> {
    const end = (source?: string) =>
      Effect.sync(() => {
        const defaultEnvironment = this.state.snapshot?.defaultEnvironment ?? this.state.defaultEnvironment
        this.state = { ...this.state, source: source ?? this.state.source, defaultEnvironment }
      })
    return Effect.suspend(() => {
      this.state = { ...this.state, source: "Loading", sourceApi: undefined }
      const ended = Effect.tapBoth(sync, { onFailure: () => end("NoValues"), onSuccess: () => end() })
      // A source that cannot be interrupted must not hold up the deadline of `initialize`.
      return Effect.disconnect(ended)
    })
  }

  /** Interruptible even within a source that is not, so that nothing is applied after the deadline of `initialize`. */
  readonly apply: Apply = response =>
    Effect.gen(this, function* () {
      const { body, format, source, sourceApi } = response
      const { snapshot: held } = this.state
      const { parsed, protobuf } = yield* Effect.mapError(
        this.#read(body, held),
        ({ message, reason }) => new SpecsError({ reason, message, format })
      )
      if (parsed._tag === "NoUpdates") {
        const tags = { source, source_api: sourceApi ?? "" }
        this.options.observe(client => client.increment("statsig.sdk.config_no_update", 1, tags))
        yield* Effect.logDebug(`${source} has no new specs`)
        return parsed
      }
      const { snapshot } = parsed
      const { time } = snapshot
      const now = yield* Clock.currentTimeMillis
      const isRepaired = this.isBeyond(now) && time <= now + farthestTime
      if (!isRepaired && !isNewer(snapshot, held)) {
        yield* Effect.logDebug(`The specs of ${time} from ${source} are not newer than those that are held`)
        return { _tag: "NotNewer", time } as const
      }
      // No check should have to compile what was compiled before.
      if (this.options.compilesFirst) yield* inSlices(snapshot.compile())
      else if (held !== undefined) yield* inSlices(snapshot.compile(held))
      const before = this.state.source
      const change = { source, sourceApi, time, previousTime: held?.time ?? 0, ...snapshot.changesSince(held) }
      this.state = { ...this.state, source, sourceApi, snapshot, receivedAt: now }
      this.#protobuf = protobuf && { hash: protobuf.hash, warnings: protobuf.warnings }
      Queue.unsafeOffer(this.#published, snapshot)
      this.changes.tell(change)
      if (before !== "Uninitialized" && before !== "Loading") {
        this.#measurePropagation(change, now, protobuf === undefined ? "JSON" : "Protobuf")
      }
      yield* Effect.logDebug(`Specs of ${time} from ${source}`)
      return { _tag: "Applied", time, json: snapshot.body.bytes, protobuf: protobuf?.whole } as const
    }).pipe(Effect.interruptible)

  /** Reads a payload in any format. A repeated protobuf payload is not decoded again. */
  #read(body: SpecResponse["body"], held: Snapshot | undefined): Effect.Effect<ReceivedPayload, SpecsError> {
    const { limit, observe, onWarning } = this.options
    return Effect.gen(this, function* () {
      if (body.length > limit) {
        const message = `expected at most ${limit} bytes (maxSpecsBytes), got ${body.length}`
        return yield* new SpecsError({ reason: "Size", message })
      }
      if (!Protobuf.isProtobuf(body)) return { parsed: yield* Specs.parse(body, onWarning, held) }
      const hash = yield* sha256(body)
      if (held !== undefined && this.#protobuf?.hash === hash) {
        return { parsed: { _tag: "Specs", snapshot: held }, protobuf: { ...this.#protobuf, whole: undefined } }
      }
      const onSums = (result: "success" | "failure") =>
        observe(client => client.increment("statsig.sdk.deltas_checksum_validation.count", 1, { result }))
      const { isDelta, json, warnings } = yield* Protobuf.decodePayload(body, { limit, held: held?.body, onSums })
      warnings.forEach(onWarning)
      const parsed = yield* Specs.parse(json, onWarning, held)
      return { parsed, protobuf: { hash, warnings, whole: isDelta ? undefined : body } }
    })
  }

  /** The time from the creation of an update to its arrival. */
  #measurePropagation({ previousTime, source, sourceApi, time }: SpecChange, now: number, format: string): void {
    this.options.observe(client =>
      client.distribution("statsig.sdk.config_propagation_diff", now - time, {
        source,
        source_api: sourceApi ?? "",
        response_format: format,
        ...(client.allowsHighCardinality?.("lcut") === true ? { lcut: String(time) } : {}),
        ...(client.allowsHighCardinality?.("prev_lcut") === true ? { prev_lcut: String(previousTime) } : {})
      })
    )
  }
}

/** Off the event loop, for a payload may have megabytes. */
const sha256 = (body: Uint8Array): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => crypto.subtle.digest("SHA-256", body as Uint8Array<ArrayBuffer>)),
    digest => String.fromCharCode(...new Uint8Array(digest))
  )

/**
 * Equal times pass: specs may change twice in a millisecond. An equal checksum means the same payload, whatever its
 * time.
 */
const isNewer = (next: Snapshot, held: Snapshot | undefined): boolean => {
  if (held === undefined) return true
  if (held.time > next.time) return false
  return held.checksum === undefined || held.checksum === "" || held.checksum !== next.checksum
}
