/**
 * The specs that a local Statsig serves.
 */
import * as Predicate from "effect/Predicate"
import { answerJson, jsonHeaders, type ServedAnswer } from "./answers.js"
import type { ReceivedRequest } from "./requests.js"

export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** SDKs encode the checksum once more than the query needs. */
const isSameChecksum = (sent: string, checksum: unknown): boolean => {
  if (sent === checksum) return true
  try {
    return decodeURIComponent(sent) === checksum
  } catch {
    return false
  }
}

const emptyProject = {
  has_updates: true,
  time: 1,
  feature_gates: {},
  dynamic_configs: {},
  layer_configs: {},
  condition_map: {},
  experiment_to_layer: {}
}

export class ServedSpecs {
  #text = ""
  #time: number | undefined
  #checksum: unknown

  constructor(specs: object | string = emptyProject) {
    this.set(specs)
  }

  /** A string is served unchanged, valid or not. */
  set(specs: object | string): void {
    this.#text = typeof specs === "string" ? specs : JSON.stringify(specs)
    const parsed = parseJson(this.#text)
    const fields: { readonly [name: string]: unknown } = Predicate.isRecord(parsed) ? parsed : {}
    this.#time = typeof fields["time"] === "number" ? fields["time"] : undefined
    this.#checksum = fields["checksum"]
  }

  /** Without a later time and another checksum an SDK would reject the payload. */
  update<Specs extends { readonly time: number; readonly checksum?: string }>(update: (specs: Specs) => Specs): void {
    const specs = update(JSON.parse(this.#text))
    const time = Math.max(specs.time, (this.#time ?? 0) + 1)
    const isReplaced = specs.checksum !== undefined && specs.checksum === this.#checksum
    this.set({ ...specs, time, ...(isReplaced ? { checksum: String(time) } : {}) })
  }

  answer({ checksum, sinceTime }: ReceivedRequest["query"]): ServedAnswer {
    const isCurrent =
      this.#time !== undefined &&
      Number(sinceTime) >= this.#time &&
      (checksum === undefined || isSameChecksum(checksum, this.#checksum))
    if (isCurrent) return answerJson(200, { has_updates: false })
    return { status: 200, headers: jsonHeaders, body: Buffer.from(this.#text) }
  }
}
