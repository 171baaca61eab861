/**
 * The specs and the ID lists that a local Statsig serves: a payload, a manifest, and a file for each list.
 */
import { createHash } from "node:crypto"
import * as Predicate from "effect/Predicate"
import { answerJson, jsonHeaders, type ServedAnswer } from "./answers.js"
import { filePath, type ReceivedRequest } from "./requests.js"

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

/**
 * The hash of an id in ID list files: the first 8 characters of the base64 of its SHA-256.
 *
 * @since 0.1.0
 */
export const idListHash = (id: string): string => createHash("sha256").update(id).digest("base64").slice(0, 8)

interface IdListFile {
  readonly fileID: string
  /** Epoch milliseconds. */
  readonly creationTime: number
  readonly text: string
}

export const linesOf = (sign: "+" | "-", ids: ReadonlyArray<string>): string =>
  ids.map(id => `${sign}${idListHash(id)}\n`).join("")

/** An empty file gets a 200: no range of it can be satisfied, and an error would stop an SDK's sync. */
const answerFile = (text: string, { headers, query }: ReceivedRequest): ServedAnswer => {
  const body = Buffer.from(text)
  const size = body.length
  const whole: ServedAnswer = {
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

export class ServedIdLists {
  readonly #lists = new Map<string, IdListFile>()
  #lastCreationTime = 0
  #files = 0

  /** A text that starts with the served one extends the same file; any other is a new file. */
  set(name: string, update: (text: string) => string, now: number): void {
    const held = this.#lists.get(name)
    const text = update(held?.text ?? "")
    if (held !== undefined && text.startsWith(held.text)) {
      this.#lists.set(name, { ...held, text })
      return
    }
    this.#lastCreationTime = Math.max(now, this.#lastCreationTime + 1)
    this.#lists.set(name, { fileID: `file_${++this.#files}`, creationTime: this.#lastCreationTime, text })
  }

  remove(name: string): void {
    this.#lists.delete(name)
  }

  nameAt(path: string): string | undefined {
    return this.#at(path)?.[0]
  }

  answerManifest(url: string): ServedAnswer {
    const entries = [...this.#lists].map(([name, { creationTime, fileID, text }]) => {
      const size = Buffer.byteLength(text)
      return [name, { name, size, url: url + filePath + fileID, creationTime, fileID }]
    })
    return answerJson(200, Object.fromEntries(entries))
  }

  answerFile(request: ReceivedRequest): ServedAnswer {
    const list = this.#at(request.path)
    return list === undefined ? answerJson(404, { error: "no such file" }) : answerFile(list[1].text, request)
  }

  #at(path: string): readonly [name: string, file: IdListFile] | undefined {
    return [...this.#lists].find(([, { fileID }]) => path === filePath + fileID)
  }
}
