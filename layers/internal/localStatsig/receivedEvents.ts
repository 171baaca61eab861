/**
 * The events that a local Statsig receives.
 */
import * as zlib from "node:zlib"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Predicate from "effect/Predicate"
import { answerJson, refuse, type ServedAnswer } from "./answers.js"
import type { ReceivedRequest } from "./requests.js"
import { parseJson } from "./served.js"

/**
 * One posted event.
 *
 * @since 0.1.0
 */
export interface ReceivedEvent {
  readonly eventName: string
  readonly user?: Readonly<Record<string, unknown>>
  readonly value?: string | number | null
  readonly metadata?: Readonly<Record<string, string>> | null
  readonly statsigMetadata?: Readonly<Record<string, unknown>>
  readonly secondaryExposures?: ReadonlyArray<Readonly<Record<string, string>>>
  readonly time?: number
  readonly [key: string]: unknown
}

/**
 * One accepted post of events.
 *
 * @since 0.1.0
 */
export interface ReceivedBatch {
  readonly request: ReceivedRequest
  readonly statsigMetadata: Readonly<Record<string, unknown>>
  readonly events: ReadonlyArray<ReceivedEvent>
}

const maxBatches = 10_000
const maxReceived = 100_000
/** The maximum bytes of JSON in all stored batches. */
const maxBatchBytes = 64 * 1024 * 1024
const maxDecodedBody = 256 * 1024 * 1024

type Decode = (body: Uint8Array) => Uint8Array

/** `decodeZstd`: for runtimes where `node:zlib` cannot. */
const makeDecoders = (decodeZstd: Decode | undefined): ReadonlyMap<string, Decode> => {
  const limit = { maxOutputLength: maxDecodedBody }
  const decoders = new Map<string, Decode>([
    ["identity", body => body],
    ["gzip", body => zlib.gunzipSync(body, limit)],
    ["br", body => zlib.brotliDecompressSync(body, limit)],
    ["deflate", body => zlib.inflateSync(body, limit)]
  ])
  const { zstdDecompressSync } = zlib as { readonly zstdDecompressSync?: typeof zlib.gunzipSync }
  if (zstdDecompressSync !== undefined) decoders.set("zstd", body => zstdDecompressSync(body, limit))
  if (decodeZstd !== undefined) decoders.set("zstd", decodeZstd)
  return decoders
}

interface KeptBatch {
  readonly batch: ReceivedBatch
  /** The size of its JSON. */
  readonly bytes: number
  /** The number of its first event, counted over all received events. */
  readonly first: number
}

/** The stored batches, and which of their events were taken. */
export class ReceivedEvents {
  readonly #decoders: ReadonlyMap<string, Decode>
  readonly #lock = Effect.unsafeMakeSemaphore(1)
  readonly #kept: Array<KeptBatch> = []
  #bytes = 0
  #arrived = 0
  #taken = 0
  #news = Deferred.unsafeMake<void>(FiberId.none)

  constructor(decodeZstd: Decode | undefined) {
    this.#decoders = makeDecoders(decodeZstd)
  }

  /** Stores a post, if it can be read. */
  receive(request: ReceivedRequest, body: Uint8Array): ServedAnswer {
    const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity"
    const decode = this.#decoders.get(encoding)
    if (decode === undefined) return refuse(415, `cannot decode content-encoding ${encoding}`)
    let json: Uint8Array | undefined
    try {
      json = decode(body)
    } catch (error) {
      const { code } = error as { readonly code?: unknown }
      if (code !== "ERR_BUFFER_TOO_LARGE") return refuse(400, `the body is not ${encoding}`)
    }
    if (json === undefined || json.length > maxDecodedBody) {
      return refuse(413, `expected at most ${maxDecodedBody} bytes when decoded, got more`)
    }
    const batch = parseJson(new TextDecoder().decode(json))
    if (batch === undefined) return refuse(400, `the body is not JSON in ${encoding}`)
    if (!Predicate.isRecord(batch) || !Array.isArray(batch["events"])) return refuse(400, "no array of events")
    const { events, statsigMetadata } = batch as { events: Array<ReceivedEvent>; statsigMetadata?: unknown }
    this.#add(
      { request, events, statsigMetadata: Predicate.isRecord(statsigMetadata) ? statsigMetadata : {} },
      json.length
    )
    return answerJson(202, { success: true })
  }

  get batches(): ReadonlyArray<ReceivedBatch> {
    return this.#kept.map(({ batch }) => batch)
  }

  /** Waits for the next events. */
  take(count: number): Effect.Effect<ReadonlyArray<ReceivedEvent>> {
    const taking: Effect.Effect<ReadonlyArray<ReceivedEvent>> = Effect.suspend(() => {
      this.#taken = Math.max(this.#taken, this.#first)
      if (this.#arrived - this.#taken < count) return Effect.flatMap(Deferred.await(this.#news), () => taking)
      const from = this.#taken
      this.#taken += count
      return Effect.succeed(
        this.#kept.flatMap(({ batch, first }) =>
          batch.events.slice(Math.max(0, from - first), Math.max(0, this.#taken - first))
        )
      )
    })
    return this.#lock.withPermits(1)(taking)
  }

  /** The number of the first stored event. */
  get #first(): number {
    return this.#kept[0]?.first ?? this.#arrived
  }

  get #isFull(): boolean {
    return this.#kept.length > maxBatches || this.#arrived - this.#first > maxReceived || this.#bytes > maxBatchBytes
  }

  #add(batch: ReceivedBatch, bytes: number): void {
    this.#kept.push({ batch, bytes, first: this.#arrived })
    this.#arrived += batch.events.length
    this.#bytes += bytes
    while (this.#kept.length > 1 && this.#isFull) this.#bytes -= this.#kept.shift()!.bytes
    Deferred.unsafeDone(this.#news, Effect.void)
    this.#news = Deferred.unsafeMake(FiberId.none)
  }
}
