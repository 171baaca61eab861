/**
 * The ID lists that a local Statsig serves: their manifest, and a file for each.
 */
import { createHash } from "node:crypto"
import { answerJson, type ServedAnswer } from "./answers.js"
import { filePath, type ReceivedRequest } from "./requests.js"

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
