/**
 * A Statsig server in the test's own process: it serves specs and ID lists, stores the events it receives, records
 * every request, and fails on command.
 *
 * Each request takes one path: read, record, take a scripted fault if any, make the normal response, apply the fault,
 * send. It runs on any `HttpServer` of `@effect/platform`; only the faults that cut a connection in the middle of a
 * response need the raw socket of a `node:http` request. `layers/LocalStatsig/Node` includes a server.
 *
 * All storage is bounded, in number and in bytes: the oldest requests and batches are dropped first. A body of more
 * than 64 MB, or 256 MB once decoded, gets a 413.
 *
 * @since 0.1.0
 */
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Answers from "./internal/localStatsig/answers.js"
import { type Fault, FaultScript, type FaultTarget, rawSocket, spoil } from "./internal/localStatsig/faults.js"
import { type ReceivedBatch, type ReceivedEvent, ReceivedEvents } from "./internal/localStatsig/receivedEvents.js"
import type { Endpoint, ReceivedRequest } from "./internal/localStatsig/requests.js"
import * as Requests from "./internal/localStatsig/requests.js"
import { linesOf, ServedIdLists, ServedSpecs } from "./internal/localStatsig/served.js"

export type { Encoding } from "./internal/localStatsig/answers.js"
export { Fault, type FaultTarget } from "./internal/localStatsig/faults.js"
export type { ReceivedBatch, ReceivedEvent } from "./internal/localStatsig/receivedEvents.js"
export type { Endpoint, ReceivedRequest } from "./internal/localStatsig/requests.js"
export { idListHash } from "./internal/localStatsig/served.js"

/**
 * A rule in the payload.
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
 * A gate, dynamic config, experiment or layer in the payload.
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
 * A condition in the payload.
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
 * Options of the server.
 *
 * @since 0.1.0
 */
export interface LocalStatsigOptions {
  /** The first specs, as for `setSpecs`. Default: an empty project. */
  readonly specs?: object | string | undefined
  /** Decodes zstd bodies where `node:zlib` cannot (before Node 22.15). Without it they get a 415. */
  readonly decodeZstd?: ((body: Uint8Array) => Uint8Array) | undefined
}

/**
 * The server and its controls.
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
    /** The base URL, without a trailing slash. */
    readonly url: string
    /** The `specsUrl` for an SDK. */
    readonly specsUrl: string
    /** The `idListsUrl` for an SDK. */
    readonly idListsUrl: string
    /** The `logEventUrl` for an SDK. */
    readonly logEventUrl: string
    /** Serves this payload from now on. A string is served unchanged, valid or not. */
    readonly setSpecs: (specs: object | string) => Effect.Effect<void>
    /**
     * Serves the result of `update` on a copy of the payload (it may change the copy). `time` is raised, and a checksum
     * replaced, unless `update` did so: otherwise an SDK would reject the payload. Dies when the payload is not a JSON
     * object.
     */
    readonly updateSpecs: (update: (specs: SpecsPayload) => SpecsPayload) => Effect.Effect<void>
    /**
     * Serves an ID list: ids, or the text of its file (lines of `+` or `-` and a hash, see `idListHash`). A text that
     * starts with the served one extends the same file; any other is a new file.
     */
    readonly setIdList: (name: string, content: string | ReadonlyArray<string>) => Effect.Effect<void>
    /** Extends the file of an ID list: adds these ids, and then removes those. */
    readonly growIdList: (
      name: string,
      change: { readonly add?: ReadonlyArray<string>; readonly remove?: ReadonlyArray<string> }
    ) => Effect.Effect<void>
    /** Removes a list from the manifest, and its file. */
    readonly removeIdList: (name: string) => Effect.Effect<void>
    /**
     * The accepted posts, oldest first: the last 10,000, limited to 100,000 events or 64 MB together. The newest is
     * always kept.
     */
    readonly batches: Effect.Effect<ReadonlyArray<ReceivedBatch>>
    /** The events of all `batches`, in order of arrival. */
    readonly events: Effect.Effect<ReadonlyArray<ReceivedEvent>>
    /** Waits for the next `count` stored events. An event is taken once; `events` and `batches` still list it. */
    readonly takeEvents: (count: number) => Effect.Effect<ReadonlyArray<ReceivedEvent>>
    /** The last 10,000 requests, oldest first. */
    readonly requests: Effect.Effect<ReadonlyArray<ReceivedRequest>>
    /** Waits for the next `count` requests to the endpoint. A request is taken once; `requests` still lists it. */
    readonly takeRequests: (endpoint: Endpoint, count: number) => Effect.Effect<ReadonlyArray<ReceivedRequest>>
    /** Adds faults to the target's queue: each affects one request, in order. They come before a `faultAlways`. */
    readonly faultNext: (target: FaultTarget, ...faults: ReadonlyArray<Fault>) => Effect.Effect<void>
    /** Applies the fault to every request until `clearFaults`. */
    readonly faultAlways: (target: FaultTarget, fault: Fault) => Effect.Effect<void>
    /** Clears all faults of the target, or of all targets. */
    readonly clearFaults: (target?: FaultTarget) => Effect.Effect<void>
  }
>() {}

const baseUrl = (address: HttpServer.Address): string => {
  if (address._tag === "UnixAddress") return HttpServer.formatAddress(address)
  const host = address.hostname === "0.0.0.0" ? "127.0.0.1" : address.hostname
  return `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`
}

/**
 * Starts serving on the `HttpServer` of the context, until the scope closes; requests held by a fault are released
 * then.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: LocalStatsigOptions = {}) {
  const url = baseUrl((yield* HttpServer.HttpServer).address)
  const closing = yield* Deferred.make<void>()
  const requests = new Requests.RequestLog()
  const faults = new FaultScript()
  const specs = new ServedSpecs(options.specs)
  const idLists = new ServedIdLists()
  const received = new ReceivedEvents(options.decodeZstd)

  const answer = (request: ReceivedRequest, body: Uint8Array | undefined): Answers.ServedAnswer => {
    if (body === undefined) return Answers.refuse(413, `expected a body of at most ${Requests.maxBody} bytes, got more`)
    switch (request.endpoint) {
      case "specs":
        return specs.answer(request.query)
      case "idListManifest":
        return idLists.answerManifest(url)
      case "idListFile":
        return idLists.answerFile(request)
      case "logEvent":
        return received.receive(request, body)
      case undefined:
        return Answers.answerJson(404, { error: `no ${request.method} ${request.path} here` })
    }
  }

  const targetsOf = ({ endpoint, path }: ReceivedRequest): ReadonlyArray<FaultTarget> => {
    if (endpoint === undefined) return []
    const list = endpoint === "idListFile" ? idLists.nameAt(path) : undefined
    return list === undefined ? [endpoint] : [`idListFile:${list}`, endpoint]
  }

  const handle = Effect.gen(function* () {
    const incoming = yield* HttpServerRequest.HttpServerRequest
    const body = yield* Requests.readRequestBody(incoming)
    const request = yield* Requests.requestOf(incoming, body)
    requests.add(request)
    const fault = faults.take(targetsOf(request))
    const encoding = fault?._tag === "Encoding" ? fault.encoding : Answers.chooseEncoding(request)
    const normal = Effect.sync(() => Answers.encodeAnswer(answer(request, body), encoding))
    return Answers.toResponse(yield* spoil(fault, normal, rawSocket(incoming), Deferred.await(closing)))
  }).pipe(
    Effect.catchTag("RequestError", () =>
      Effect.succeed(Answers.toResponse(Answers.refuse(400, "the body cannot be read")))
    ),
    Effect.interruptible
  )

  const setIdList = (name: string, update: (text: string) => string) =>
    Effect.map(Clock.currentTimeMillis, now => idLists.set(name, update, now))

  yield* HttpServer.serveEffect(handle)
  yield* Effect.addFinalizer(() => Deferred.succeed(closing, undefined))

  return LocalStatsig.of({
    url,
    specsUrl: `${url}/v2/download_config_specs`,
    idListsUrl: `${url}/v1/get_id_lists`,
    logEventUrl: `${url}/v1/log_event`,
    setSpecs: next => Effect.sync(() => specs.set(next)),
    updateSpecs: update => Effect.sync(() => specs.update(update)),
    setIdList: (name, content) =>
      setIdList(name, () => (typeof content === "string" ? content : linesOf("+", content))),
    growIdList: (name, { add = [], remove = [] }) =>
      setIdList(name, text => text + linesOf("+", add) + linesOf("-", remove)),
    removeIdList: name => Effect.sync(() => idLists.remove(name)),
    batches: Effect.sync(() => received.batches),
    events: Effect.sync(() => received.batches.flatMap(batch => batch.events)),
    takeEvents: count => received.take(count),
    requests: Effect.sync(() => requests.all),
    takeRequests: (endpoint, count) => requests.take(endpoint, count),
    faultNext: (target, ...next) => Effect.sync(() => faults.next(target, next)),
    faultAlways: (target, fault) => Effect.sync(() => faults.always(target, fault)),
    clearFaults: target => Effect.sync(() => faults.clear(target))
  })
})

/**
 * The server on the `HttpServer` of the context.
 *
 * @since 0.1.0
 */
export const layer = (options: LocalStatsigOptions = {}): Layer.Layer<LocalStatsig, never, HttpServer.HttpServer> =>
  Layer.scoped(LocalStatsig, make(options))
