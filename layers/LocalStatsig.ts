/**
 * A Statsig that runs in the test's own process: it serves specs and ID lists, keeps the events it is sent, writes down
 * every request, and breaks on command.
 *
 * Each request takes one path: read, write down, take a fault if one is scripted, make the normal answer, let the fault
 * spoil it, send. It runs on any `HttpServer` of `@effect/platform`; only the faults that cut a connection in the
 * middle of an answer need the raw socket of a `node:http` request. `layers/LocalStatsig/Node` brings its own server.
 *
 * Everything it keeps is bounded, in number and in bytes: the oldest requests and batches are forgotten first. A body of
 * more than 64 MB, or of 256 MB once it is decoded, is answered with 413.
 *
 * @since 0.1.0
 */

import { createHash } from "node:crypto"
import type { Socket } from "node:net"
import * as zlib from "node:zlib"
import * as HttpServer from "@effect/platform/HttpServer"
import type { RequestError } from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

/**
 * A rule as the payload carries it.
 *
 * @since 0.1.0
 */
export interface RulePayload {
  name: string
  id: string
  passPercentage: number
  returnValue: unknown
  conditions: Array<string>
  idType: string
  salt?: string
  groupName?: string
  configDelegate?: string
  isExperimentGroup?: boolean
  samplingRate?: number
}

/**
 * A gate, dynamic config, experiment or layer as the payload carries it.
 *
 * @since 0.1.0
 */
export interface SpecPayload {
  type: string
  entity: string
  salt: string
  enabled: boolean
  defaultValue: unknown
  idType: string
  rules: Array<RulePayload>
  version?: number
  isActive?: boolean
  hasSharedParams?: boolean
  explicitParameters?: Array<string>
  useNewLayerEval?: boolean
  forwardAllExposures?: boolean
  fieldsUsed?: Array<string>
  targetAppIDs?: Array<string>
}

/**
 * A condition as the payload carries it.
 *
 * @since 0.1.0
 */
export interface ConditionPayload {
  type: string
  idType: string
  targetValue: unknown
  operator: string | null
  field: string | null
  additionalValues: Record<string, string>
}

/**
 * A whole config-specs payload; other top-level keys pass through.
 *
 * @since 0.1.0
 */
export interface SpecsPayload {
  has_updates: boolean
  time: number
  checksum?: string
  feature_gates: Record<string, SpecPayload>
  dynamic_configs: Record<string, SpecPayload>
  layer_configs: Record<string, SpecPayload>
  condition_map: Record<string, ConditionPayload>
  experiment_to_layer: Record<string, string>
  [key: string]: unknown
}

/**
 * What Statsig answers: specs, the manifest of ID lists, one list's file, posted events.
 *
 * @since 0.1.0
 */
export type Endpoint = "specs" | "idListManifest" | "idListFile" | "logEvent"

/**
 * What a fault hits: an endpoint, or the file of one ID list by the list's name.
 *
 * @since 0.1.0
 */
export type FaultTarget = Endpoint | `idListFile:${string}`

/**
 * One thing that goes wrong. A `Reply`, and what happens at the head, leave the request undone: events that come with it
 * are not kept. The others do what was asked and then spoil the answer.
 *
 * - `Reply`: this answer in place of the normal one: an error, garbage, an old payload. Status 200, empty body and
 *   `application/json` where not given
 * - `Headers`: the normal answer with other or more headers
 * - `Encoding`: the normal answer in this encoding, whatever the client accepts; when `corrupt`, all but its first 2
 *   bytes are overwritten
 * - `Delay`: does and answers everything later, by the `Clock` of the layer
 * - `Stall`, `Reset`, `Close`: nothing more comes, the connection is reset, or it is closed in good order. This happens
 *   at the head, before anything is sent, or `at: "body"`: after a head that promises the whole body, and half of it
 *
 * @since 0.1.0
 */
export type Fault = Data.TaggedEnum<{
  Reply: {
    readonly status?: number
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string | Uint8Array
  }
  Headers: { readonly headers: Readonly<Record<string, string>> }
  Encoding: { readonly encoding: Encoding; readonly corrupt?: boolean }
  Delay: { readonly duration: Duration.DurationInput }
  Stall: { readonly at?: "head" | "body" }
  Reset: { readonly at?: "head" | "body" }
  Close: { readonly at?: "head" | "body" }
}>

/**
 * The constructors of faults: `Fault.Reply({ status: 503 })`, `Fault.Stall({})`.
 *
 * @since 0.1.0
 */
export const Fault = Data.taggedEnum<Fault>()

/**
 * The content encodings that answers are made in.
 *
 * @since 0.1.0
 */
export type Encoding = "identity" | "gzip" | "br" | "deflate"

/**
 * One request, written down before anything is answered.
 *
 * @since 0.1.0
 */
export interface ReceivedRequest {
  /** `undefined` for a path or method that Statsig does not know. */
  readonly endpoint: Endpoint | undefined
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** Decoded once. */
  readonly query: Readonly<Record<string, string>>
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Bytes of the body as sent, thus compressed. Of one that is too long, no more than it announced. */
  readonly bodySize: number
  /** Epoch milliseconds by the `Clock` of the layer. */
  readonly time: number
}

/**
 * One event as it was posted.
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

/**
 * How the server starts.
 *
 * @since 0.1.0
 */
export interface LocalStatsigOptions {
  /** The first specs, as for `setSpecs`. Default: a project with nothing in it. */
  readonly specs?: object | string | undefined
  /** Decodes zstd bodies where `node:zlib` cannot (before Node 22.15). Without it they are answered with 415. */
  readonly decodeZstd?: ((body: Uint8Array) => Uint8Array) | undefined
}

/**
 * The server, and the hands that turn it.
 *
 * @example
 * const local = yield* LocalStatsig
 * yield* local.setSpecs(specs)
 * yield* local.faultNext("specs", Fault.Reply({ status: 503 }), Fault.Reset({}))
 * const [exposure] = yield* local.takeEvents(1)
 *
 * @since 0.1.0
 */
export class LocalStatsig extends Context.Tag("statsig-effect/LocalStatsig")<
  LocalStatsig,
  {
    /** The base URL, without a slash at the end. */
    readonly url: string
    /** What to give an SDK as its `specsUrl`. */
    readonly specsUrl: string
    /** What to give an SDK as its `idListsUrl`. */
    readonly idListsUrl: string
    /** What to give an SDK as its `logEventUrl`. */
    readonly logEventUrl: string
    /** Serves this payload from now on. A string is served as it is written, valid or not. */
    readonly setSpecs: (specs: object | string) => Effect.Effect<void>
    /**
     * Serves what `update` makes of a copy of the payload (it may change the copy). `time` is raised, and a checksum
     * replaced, unless `update` did so: without that an SDK would refuse the payload. Dies when the payload is no JSON
     * object.
     */
    readonly updateSpecs: (update: (specs: SpecsPayload) => SpecsPayload) => Effect.Effect<void>
    /**
     * Serves an ID list: ids, or the text of its file (lines of `+` or `-` and a hash, see `idListHash`). A text that
     * goes on from what was served is the same file grown longer; any other is a new file.
     */
    readonly setIdList: (name: string, content: string | ReadonlyArray<string>) => Effect.Effect<void>
    /** Lets the file of an ID list grow: it adds these ids, and then takes those out. */
    readonly growIdList: (
      name: string,
      change: { readonly add?: ReadonlyArray<string>; readonly remove?: ReadonlyArray<string> }
    ) => Effect.Effect<void>
    /** Takes a list out of the manifest, and its file away. */
    readonly removeIdList: (name: string) => Effect.Effect<void>
    /**
     * The accepted posts, oldest first: the last 10,000, and no more than hold 100,000 events or 64 MB together. The newest
     * is always kept.
     */
    readonly batches: Effect.Effect<ReadonlyArray<ReceivedBatch>>
    /** The events of all `batches`, in order of arrival. */
    readonly events: Effect.Effect<ReadonlyArray<ReceivedEvent>>
    /** Waits for the next `count` events that are kept. An event is taken once; `events` and `batches` keep it. */
    readonly takeEvents: (count: number) => Effect.Effect<ReadonlyArray<ReceivedEvent>>
    /** The last 10,000 requests, oldest first. */
    readonly requests: Effect.Effect<ReadonlyArray<ReceivedRequest>>
    /** Waits for the next `count` requests to the endpoint. A request is taken once; `requests` keeps it. */
    readonly takeRequests: (endpoint: Endpoint, count: number) => Effect.Effect<ReadonlyArray<ReceivedRequest>>
    /** Adds faults to the target's queue: each spoils one request, in order. They come before a `faultAlways`. */
    readonly faultNext: (target: FaultTarget, ...faults: ReadonlyArray<Fault>) => Effect.Effect<void>
    /** Spoils every request until `clearFaults`. */
    readonly faultAlways: (target: FaultTarget, fault: Fault) => Effect.Effect<void>
    /** Forgets all faults of the target, or of all targets. */
    readonly clearFaults: (target?: FaultTarget) => Effect.Effect<void>
  }
>() {}

/**
 * The form in which ID list files hold an id: the first 8 characters of the base64 of its SHA-256.
 *
 * @since 0.1.0
 */
export const idListHash = (id: string): string => createHash("sha256").update(id).digest("base64").slice(0, 8)

const maxRequests = 10_000
const maxBatches = 10_000
const maxEvents = 100_000
/** Bytes of JSON in all batches that are kept. */
const maxBatchBytes = 64 * 1024 * 1024
const maxBody = 64 * 1024 * 1024
const maxDecodedBody = 256 * 1024 * 1024

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

const jsonHeaders = { "content-type": "application/json" }

const answerJson = (status: number, value: unknown): Answer => ({
  status,
  headers: jsonHeaders,
  body: Buffer.from(JSON.stringify(value))
})

const refuse = (status: number, error: string): Answer => answerJson(status, { success: false, error })

const isTooLarge = (error: unknown): boolean => (error as { readonly code?: unknown }).code === "ERR_BUFFER_TOO_LARGE"

const encoders: Readonly<Record<Encoding, (body: Uint8Array) => Uint8Array>> = {
  identity: body => body,
  gzip: body => zlib.gzipSync(body),
  // The default quality of 11 takes a second for a real payload.
  br: body => zlib.brotliCompressSync(body, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } }),
  deflate: body => zlib.deflateSync(body)
}

const encodeAnswer = (answer: Answer, encoding: Encoding): Answer =>
  encoding === "identity"
    ? answer
    : {
        status: answer.status,
        headers: { ...answer.headers, "content-encoding": encoding },
        body: encoders[encoding](answer.body)
      }

/** A list's file goes out as it is: a range of it counts its own bytes. */
const chooseEncoding = ({ endpoint, headers }: ReceivedRequest): Encoding => {
  if (endpoint !== "specs" && endpoint !== "idListManifest") return "identity"
  const accepted = new Set((headers["accept-encoding"] ?? "").split(",").map(token => token.trim().toLowerCase()))
  return accepted.has("br") ? "br" : accepted.has("gzip") ? "gzip" : "identity"
}

/** Past the magic number: damage further back may pass for a cut, which lenient decoders forgive. */
const corruptBody = (answer: Answer): Answer => ({ ...answer, body: Uint8Array.from(answer.body).fill(0xff, 2) })

/**
 * The body of a request; `undefined` for one that is too long, as soon as that shows. The rest of it is read and let go, so
 * that the client can read its answer.
 */
const readBody = Effect.fnUntraced(function* (incoming: HttpServerRequest.HttpServerRequest) {
  if (incoming.method === "GET") return new Uint8Array()
  if (Number(incoming.headers["content-length"] ?? 0) > maxBody) return undefined
  const read = yield* Deferred.make<Uint8Array | undefined, RequestError>()
  const parts: Array<Uint8Array> = []
  let size = 0
  yield* Stream.runForEach(incoming.stream, part =>
    Effect.suspend(() => {
      size += part.length
      if (size <= maxBody) parts.push(part)
      else parts.length = 0
      return size <= maxBody ? Effect.void : Deferred.succeed(read, undefined)
    })
  ).pipe(
    Effect.map(() => (size <= maxBody ? Buffer.concat(parts) : undefined)),
    Effect.intoDeferred(read),
    Effect.forkDaemon
  )
  return yield* Deferred.await(read)
})

const makeDecoders = (options: LocalStatsigOptions): ReadonlyMap<string, (body: Uint8Array) => Uint8Array> => {
  const limit = { maxOutputLength: maxDecodedBody }
  const decoders = new Map<string, (body: Uint8Array) => Uint8Array>([
    ["identity", body => body],
    ["gzip", body => zlib.gunzipSync(body, limit)],
    ["br", body => zlib.brotliDecompressSync(body, limit)],
    ["deflate", body => zlib.inflateSync(body, limit)]
  ])
  const { zstdDecompressSync } = zlib as { readonly zstdDecompressSync?: typeof zlib.gunzipSync }
  if (zstdDecompressSync !== undefined) decoders.set("zstd", body => zstdDecompressSync(body, limit))
  if (options.decodeZstd !== undefined) decoders.set("zstd", options.decodeZstd)
  return decoders
}

interface Route {
  readonly endpoint: Endpoint
  readonly methods: ReadonlyArray<string>
  readonly pattern: RegExp
}

const filePath = "/v1/download_id_list_file/"

const routes: ReadonlyArray<Route> = [
  { endpoint: "specs", methods: ["GET"], pattern: /^\/v2\/download_config_specs\/.*\.json$/ },
  { endpoint: "idListManifest", methods: ["GET", "POST"], pattern: /^\/v1\/get_id_lists(\/.*\.json)?$/ },
  { endpoint: "idListFile", methods: ["GET"], pattern: new RegExp(`^${filePath}`) },
  { endpoint: "logEvent", methods: ["POST"], pattern: /^\/v1\/log_event$/ }
]

interface ServedSpecs {
  readonly text: string
  readonly time: number | undefined
  readonly checksum: unknown
}

const decodeURI = Option.liftThrowable(decodeURIComponent)
const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const serveSpecs = (specs: object | string): ServedSpecs => {
  const text = typeof specs === "string" ? specs : JSON.stringify(specs)
  const parsed = Option.getOrUndefined(parseJson(text))
  const fields = isObject(parsed) ? parsed : {}
  const time = typeof fields["time"] === "number" ? fields["time"] : undefined
  return { text, time, checksum: fields["checksum"] }
}

/** SDKs encode the checksum once more than the query needs. */
const sameChecksum = (sent: string, checksum: unknown): boolean =>
  sent === checksum || Option.getOrUndefined(decodeURI(sent)) === checksum

const answerSpecs = (specs: ServedSpecs, query: ReceivedRequest["query"]): Answer => {
  const { checksum, sinceTime } = query
  const current =
    specs.time !== undefined &&
    Number(sinceTime) >= specs.time &&
    (checksum === undefined || sameChecksum(checksum, specs.checksum))
  if (current) return answerJson(200, { has_updates: false })
  return { status: 200, headers: jsonHeaders, body: Buffer.from(specs.text) }
}

const nextSpecs = (served: ServedSpecs, update: (specs: SpecsPayload) => SpecsPayload): object => {
  const specs = update(JSON.parse(served.text))
  const time = Math.max(specs.time, (served.time ?? 0) + 1)
  const checksum = specs.checksum === undefined || specs.checksum !== served.checksum ? {} : { checksum: String(time) }
  return { ...specs, time, ...checksum }
}

interface IdListFile {
  readonly fileID: string
  /** Epoch milliseconds. */
  readonly creationTime: number
  readonly text: string
}

const linesOf = (sign: "+" | "-", ids: ReadonlyArray<string>): string =>
  ids.map(id => `${sign}${idListHash(id)}\n`).join("")

/** An empty file is answered with 200: no range of it can be satisfied, and an error would stop an SDK's sync. */
const answerFile = (text: string, { headers, query }: ReceivedRequest): Answer => {
  const body = Buffer.from(text)
  const size = body.length
  const whole: Answer = {
    status: 200,
    headers: { "content-type": "text/plain; charset=utf-8", "accept-ranges": "bytes" },
    body
  }
  const [, first = "", last = ""] = /^(?:bytes=)?(\d*)-(\d*)$/.exec(headers["range"] ?? query["range"] ?? "") ?? []
  if (size === 0 || first + last === "") return whole
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1)
  if (start >= size) {
    return { status: 416, headers: { "content-range": `bytes */${size}` }, body: new Uint8Array() }
  }
  if (end < start) return whole
  return {
    status: 206,
    headers: { ...whole.headers, "content-range": `bytes ${start}-${end}/${size}` },
    body: body.subarray(start, end + 1)
  }
}

const toResponse = ({ body, headers, status }: Answer): HttpServerResponse.HttpServerResponse =>
  status === 204 || status === 304
    ? HttpServerResponse.empty({ status, headers })
    : HttpServerResponse.uint8Array(body, {
        status,
        headers,
        contentType: headers["content-type"] ?? "application/octet-stream"
      })

interface KeptBatch {
  readonly batch: ReceivedBatch
  /** Of its JSON. */
  readonly bytes: number
  /** The number of its first event, of all that ever came. */
  readonly first: number
}

/** The batches that are kept, and which of their events were taken. */
const makeBatches = Effect.gen(function* () {
  const lock = yield* Effect.makeSemaphore(1)
  const kept: Array<KeptBatch> = []
  let bytesKept = 0
  let arrived = 0
  let taken = 0
  let news = yield* Deferred.make<void>()

  /** The number of the first event that is kept. */
  const first = () => kept[0]?.first ?? arrived
  const isFull = () => kept.length > maxBatches || arrived - first() > maxEvents || bytesKept > maxBatchBytes

  const add = (batch: ReceivedBatch, bytes: number) =>
    Effect.suspend(() => {
      kept.push({ batch, bytes, first: arrived })
      arrived += batch.events.length
      bytesKept += bytes
      while (kept.length > 1 && isFull()) bytesKept -= kept.shift()!.bytes
      const told = news
      news = Deferred.unsafeMake(FiberId.none)
      return Deferred.succeed(told, undefined)
    })

  const eventsFrom = (number: number, count: number): ReadonlyArray<ReceivedEvent> =>
    kept
      .filter(({ batch, first }) => first + batch.events.length > number && first < number + count)
      .flatMap(({ batch, first }) => batch.events.slice(Math.max(0, number - first), number + count - first))

  const takeEvents = (count: number): Effect.Effect<ReadonlyArray<ReceivedEvent>> =>
    Effect.suspend(() => {
      taken = Math.max(taken, first())
      if (arrived - taken < count) return Effect.flatMap(Deferred.await(news), () => takeEvents(count))
      const events = eventsFrom(taken, count)
      taken += count
      return Effect.succeed(events)
    })

  return {
    add,
    all: () => kept.map(({ batch }) => batch),
    takeEvents: (count: number) => lock.withPermits(1)(takeEvents(count))
  }
})

const rawSocket = (request: HttpServerRequest.HttpServerRequest): Socket | undefined => {
  const { socket } = request.source as { readonly socket?: Socket }
  return typeof socket?.resetAndDestroy === "function" ? socket : undefined
}

/** Writes the head, which promises the whole body, and half of the body. */
const writeHalf = (socket: Socket, { body, headers, status }: Answer, written: () => void) => {
  const fields = Object.entries({ ...headers, "content-length": body.length })
  socket.write(`HTTP/1.1 ${status} \r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`)
  socket.write(body.subarray(0, body.length >> 1), written)
}

const connectionFaults: Readonly<Record<"Stall" | "Reset" | "Close", (socket: Socket) => void>> = {
  Stall: () => {},
  Reset: socket => socket.resetAndDestroy(),
  Close: socket => socket.end()
}

const baseUrl = (address: HttpServer.Address): string => {
  if (address._tag === "UnixAddress") return HttpServer.formatAddress(address)
  const host = address.hostname === "0.0.0.0" ? "127.0.0.1" : address.hostname
  return `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`
}

/**
 * Starts serving on the `HttpServer` of the context, until the scope closes; requests that a fault holds are let go
 * then.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: LocalStatsigOptions = {}) {
  const url = baseUrl((yield* HttpServer.HttpServer).address)
  const closing = yield* Deferred.make<void>()
  const received = yield* makeBatches
  const newRequests: Readonly<Record<Endpoint, Queue.Queue<ReceivedRequest>>> = {
    specs: yield* Queue.sliding<ReceivedRequest>(maxRequests),
    idListManifest: yield* Queue.sliding<ReceivedRequest>(maxRequests),
    idListFile: yield* Queue.sliding<ReceivedRequest>(maxRequests),
    logEvent: yield* Queue.sliding<ReceivedRequest>(maxRequests)
  }
  const decoders = makeDecoders(options)
  const requests: Array<ReceivedRequest> = []
  const idLists = new Map<string, IdListFile>()
  const queuedFaults = new Map<FaultTarget, Array<Fault>>()
  const lastingFaults = new Map<FaultTarget, Fault>()
  let lastCreationTime = 0
  let files = 0
  let specs = serveSpecs(
    options.specs ?? {
      has_updates: true,
      time: 1,
      feature_gates: {},
      dynamic_configs: {},
      layer_configs: {},
      condition_map: {},
      experiment_to_layer: {}
    }
  )

  const takeFault = (targets: ReadonlyArray<FaultTarget>): Fault | undefined => {
    for (const target of targets) {
      const fault = queuedFaults.get(target)?.shift()
      if (fault !== undefined) return fault
    }
    return targets.map(target => lastingFaults.get(target)).find(fault => fault !== undefined)
  }

  const listOfFile = (path: string) => [...idLists].find(([, file]) => path === filePath + file.fileID)

  const answerManifest = (): Answer => {
    const entries = [...idLists].map(([name, { creationTime, fileID, text }]) => {
      const size = Buffer.byteLength(text)
      return [name, { name, size, url: url + filePath + fileID, creationTime, fileID }]
    })
    return answerJson(200, Object.fromEntries(entries))
  }

  const answerEvents = Effect.fnUntraced(function* (request: ReceivedRequest, body: Uint8Array) {
    const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity"
    const decode = decoders.get(encoding)
    if (decode === undefined) return refuse(415, `cannot decode content-encoding ${encoding}`)
    const json = yield* Effect.either(Effect.try({ try: () => decode(body), catch: error => error }))
    if (Either.isLeft(json) && !isTooLarge(json.left)) return refuse(400, `the body is not ${encoding}`)
    if (Either.isLeft(json) || json.right.length > maxDecodedBody) {
      return refuse(413, `expected at most ${maxDecodedBody} bytes when decoded, got more`)
    }
    const batch = Option.getOrUndefined(parseJson(new TextDecoder().decode(json.right)))
    if (batch === undefined) return refuse(400, `the body is not JSON in ${encoding}`)
    if (!isObject(batch) || !Array.isArray(batch["events"])) return refuse(400, "no array of events")
    const { events, statsigMetadata } = batch as { events: Array<ReceivedEvent>; statsigMetadata?: unknown }
    const kept = { request, events, statsigMetadata: isObject(statsigMetadata) ? statsigMetadata : {} }
    yield* received.add(kept, json.right.length)
    return answerJson(202, { success: true })
  })

  const answer = (request: ReceivedRequest, body: Uint8Array | undefined): Effect.Effect<Answer> => {
    if (body === undefined) return Effect.succeed(refuse(413, `expected a body of at most ${maxBody} bytes, got more`))
    switch (request.endpoint) {
      case "specs":
        return Effect.sync(() => answerSpecs(specs, request.query))
      case "idListManifest":
        return Effect.sync(answerManifest)
      case "idListFile":
        return Effect.sync(() => {
          const list = listOfFile(request.path)
          return list === undefined ? answerJson(404, { error: "no such file" }) : answerFile(list[1].text, request)
        })
      case "logEvent":
        return answerEvents(request, body)
      case undefined:
        return Effect.succeed(answerJson(404, { error: `no ${request.method} ${request.path} here` }))
    }
  }

  /** Lets the client wait until it goes away or the server closes. */
  const hold = (socket: Socket | undefined) =>
    Effect.as(
      Effect.andThen(
        Deferred.await(closing),
        Effect.sync(() => socket?.destroy())
      ),
      answerJson(503, { error: "closing" })
    )

  /** Cuts a connection in a way that a normal answer cannot. */
  const cut = (socket: Socket | undefined, how: (socket: Socket) => void): Effect.Effect<Answer> => {
    if (socket === undefined) return Effect.succeed(answerJson(501, { error: "this fault needs a node:http socket" }))
    return Effect.andThen(
      Effect.sync(() => how(socket)),
      hold(socket)
    )
  }

  const answerWithFault = (
    fault: Fault | undefined,
    normal: Effect.Effect<Answer>,
    socket: Socket | undefined
  ): Effect.Effect<Answer> => {
    switch (fault?._tag) {
      case undefined:
        return normal
      case "Reply":
        return Effect.succeed({
          status: fault.status ?? 200,
          headers: { ...jsonHeaders, ...fault.headers },
          body: typeof fault.body === "string" ? Buffer.from(fault.body) : (fault.body ?? new Uint8Array())
        })
      case "Headers":
        return Effect.map(normal, answer => ({ ...answer, headers: { ...answer.headers, ...fault.headers } }))
      case "Encoding":
        return fault.corrupt === true ? Effect.map(normal, corruptBody) : normal
      case "Delay":
        return Effect.andThen(Effect.raceFirst(Effect.sleep(fault.duration), Deferred.await(closing)), normal)
      case "Stall":
      case "Reset":
      case "Close": {
        const end = connectionFaults[fault._tag]
        if (fault.at === "body") {
          return Effect.flatMap(normal, answer => cut(socket, socket => writeHalf(socket, answer, () => end(socket))))
        }
        return fault._tag === "Stall" ? hold(socket) : cut(socket, end)
      }
    }
  }

  const handle = Effect.gen(function* () {
    const incoming = yield* HttpServerRequest.HttpServerRequest
    const body = yield* readBody(incoming)
    const cutAt = incoming.url.indexOf("?")
    const path = cutAt < 0 ? incoming.url : incoming.url.slice(0, cutAt)
    const route = routes.find(({ methods, pattern }) => pattern.test(path) && methods.includes(incoming.method))
    const request: ReceivedRequest = {
      endpoint: route?.endpoint,
      method: incoming.method,
      path,
      query: Object.fromEntries(new URLSearchParams(cutAt < 0 ? "" : incoming.url.slice(cutAt))),
      headers: { ...incoming.headers },
      bodySize: body?.length ?? Number(incoming.headers["content-length"] ?? maxBody),
      time: yield* Clock.currentTimeMillis
    }
    requests.push(request)
    if (requests.length > maxRequests) requests.shift()
    const targets: Array<FaultTarget> = []
    if (route !== undefined) {
      yield* Queue.offer(newRequests[route.endpoint], request)
      const list = route.endpoint === "idListFile" ? listOfFile(path) : undefined
      if (list !== undefined) targets.push(`idListFile:${list[0]}`)
      targets.push(route.endpoint)
    }
    const fault = takeFault(targets)
    const encoding = fault?._tag === "Encoding" ? fault.encoding : chooseEncoding(request)
    const normal = Effect.map(answer(request, body), answer => encodeAnswer(answer, encoding))
    return toResponse(yield* answerWithFault(fault, normal, rawSocket(incoming)))
  }).pipe(
    Effect.catchTag("RequestError", () => Effect.succeed(toResponse(refuse(400, "the body cannot be read")))),
    Effect.interruptible
  )

  const setIdList = (name: string, update: (text: string) => string) =>
    Effect.map(Clock.currentTimeMillis, now => {
      const held = idLists.get(name)
      const text = update(held?.text ?? "")
      if (held !== undefined && text.startsWith(held.text)) {
        idLists.set(name, { ...held, text })
        return
      }
      lastCreationTime = Math.max(now, lastCreationTime + 1)
      idLists.set(name, { fileID: `file_${++files}`, creationTime: lastCreationTime, text })
    })

  yield* HttpServer.serveEffect(handle)
  yield* Effect.addFinalizer(() => Deferred.succeed(closing, undefined))

  return LocalStatsig.of({
    url,
    specsUrl: `${url}/v2/download_config_specs`,
    idListsUrl: `${url}/v1/get_id_lists`,
    logEventUrl: `${url}/v1/log_event`,
    setSpecs: next =>
      Effect.sync(() => {
        specs = serveSpecs(next)
      }),
    updateSpecs: update =>
      Effect.sync(() => {
        specs = serveSpecs(nextSpecs(specs, update))
      }),
    setIdList: (name, content) =>
      setIdList(name, () => (typeof content === "string" ? content : linesOf("+", content))),
    growIdList: (name, { add = [], remove = [] }) =>
      setIdList(name, text => text + linesOf("+", add) + linesOf("-", remove)),
    removeIdList: name => Effect.sync(() => void idLists.delete(name)),
    batches: Effect.sync(received.all),
    events: Effect.sync(() => received.all().flatMap(batch => batch.events)),
    takeEvents: received.takeEvents,
    requests: Effect.sync(() => [...requests]),
    takeRequests: (endpoint, count) => Effect.map(Queue.takeN(newRequests[endpoint], count), Chunk.toReadonlyArray),
    faultNext: (target, ...faults) =>
      Effect.sync(() => {
        queuedFaults.set(target, [...(queuedFaults.get(target) ?? []), ...faults])
      }),
    faultAlways: (target, fault) => Effect.sync(() => void lastingFaults.set(target, fault)),
    clearFaults: target =>
      Effect.sync(() => {
        for (const cleared of target === undefined ? [...queuedFaults.keys(), ...lastingFaults.keys()] : [target]) {
          queuedFaults.delete(cleared)
          lastingFaults.delete(cleared)
        }
      })
  })
})

/**
 * The server on the `HttpServer` of the context.
 *
 * @since 0.1.0
 */
export const layer = (options: LocalStatsigOptions = {}): Layer.Layer<LocalStatsig, never, HttpServer.HttpServer> =>
  Layer.scoped(LocalStatsig, make(options))
