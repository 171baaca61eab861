/** Payloads and sources for tests of their transport. */
import { Effect, Logger, Stream } from "effect"
import type { Apply, Outcome, Source, SpecRequest, SpecResponse } from "../../../src/SpecSource.js"
import type { SpecSourceError } from "../../../src/StatsigError.js"

export interface PayloadOptions {
  readonly time?: number
  readonly checksum?: string
  /** The gates and their values. */
  readonly gates?: Readonly<Record<string, boolean>>
  /** Top-level fields, added to or replacing the usual ones; `undefined` removes one. */
  readonly fields?: Readonly<Record<string, unknown>>
}

/** A gate that is open, or closed, for users who meet the conditions. */
export const gateSpec = (value: boolean, conditions: ReadonlyArray<string> = ["public"]) => ({
  type: "feature_gate",
  entity: "feature_gate",
  salt: "salt",
  enabled: true,
  defaultValue: false,
  idType: "userID",
  rules: [
    {
      name: "everyone",
      id: "everyone",
      groupName: "everyone",
      passPercentage: value ? 100 : 0,
      returnValue: true,
      conditions,
      idType: "userID",
      salt: "rule"
    }
  ]
})

export const payloadObject = ({
  checksum,
  fields,
  gates = { gate: true },
  time = 1_700_000_000_000
}: PayloadOptions = {}) => ({
  has_updates: true,
  time,
  ...(checksum === undefined ? {} : { checksum }),
  feature_gates: Object.fromEntries(Object.entries(gates).map(([name, value]) => [name, gateSpec(value)])),
  dynamic_configs: {},
  layer_configs: {},
  condition_map: {
    public: { type: "public", targetValue: null, operator: null, field: null, additionalValues: {}, idType: "userID" }
  },
  experiment_to_layer: {},
  ...fields
})

/** The text of a payload. */
export const payload = (options: PayloadOptions = {}): string => JSON.stringify(payloadObject(options))

export const noUpdates = '{"has_updates":false}'

/** A response of a scripted source. */
export type Scripted = string | Uint8Array | Effect.Effect<string, SpecSourceError>

/** A source that gives the responses of a list, the last one repeatedly, and keeps its requests. */
export const scriptedSource = (
  answers: ReadonlyArray<Scripted>,
  options: Partial<Pick<Source, "name" | "polls" | "updates">> = {}
): Source & { readonly requests: ReadonlyArray<SpecRequest> } => {
  const requests: Array<SpecRequest> = []
  const name = options.name ?? "Network"
  return {
    name,
    polls: options.polls ?? Effect.succeed(true),
    updates: options.updates ?? Stream.empty,
    requests,
    fetch: (request, apply) =>
      Effect.suspend(() => {
        const answer = answers[Math.min(requests.push(request), answers.length) - 1]!
        return Effect.flatMap(Effect.isEffect(answer) ? answer : Effect.succeed(answer), body =>
          apply({ source: name, sourceApi: "https://specs.test/v2", body })
        )
      })
  }
}

export const applied: Outcome = { _tag: "Applied", time: 1_700_000_000_000, json: new Uint8Array() }
export const notNewer: Outcome = { _tag: "NotNewer", time: 1_700_000_000_000 }

/** A response whose body was read. */
export type TextResponse = SpecResponse & { readonly body: string }

const asText = (response: SpecResponse): TextResponse => ({
  ...response,
  body:
    typeof response.body === "string"
      ? response.body
      : new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(response.body)
})

/** An `apply` that keeps its arguments. */
export const keeping = (outcome: Outcome = applied): Apply & { readonly responses: ReadonlyArray<TextResponse> } => {
  const responses: Array<TextResponse> = []
  const apply: Apply = response => {
    responses.push(asText(response))
    return Effect.succeed(outcome)
  }
  return Object.assign(apply, { responses })
}

/** A layer that keeps log lines from `Info` on, as `LEVEL message`. */
export const capturingLogs = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    lines.push(`${logLevel.label} ${Array.isArray(message) ? message.join(" ") : String(message)}`)
  })
  return { lines, layer: Logger.add(logger) }
}

export const initialize: SpecRequest = { purpose: "initialize", sinceTime: 0, checksum: undefined }
export const poll: SpecRequest = { purpose: "poll", sinceTime: 0, checksum: undefined }
