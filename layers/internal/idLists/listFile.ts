/**
 * The manifest, which names the file of each list, and one list and its file: how much of it to read, and the resulting
 * list.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { bytesPerId, IdListReader } from "../../../src/engine/idLists/idListFile.js"
import { PackedSet } from "../../../src/engine/idLists/packedSet.js"
import { yieldToEventLoop } from "../../../src/internal/eventLoop.js"
import type { HeldList, ReadFile } from "./heldLists.js"

/** A file named in a manifest; `size` is how many bytes there are to read. */
export interface ListFile extends ReadFile {
  readonly url: string
}

/** The entries are decoded one by one. */
const ManifestJson = Schema.parseJson(
  Schema.declare(Predicate.isReadonlyRecord, { message: () => "expected an object of lists" })
)

/** `key` is an older name of `name`. */
const ManifestEntry = Schema.Struct({
  name: Schema.optional(Schema.String),
  key: Schema.optional(Schema.String),
  url: Schema.String,
  size: Schema.NonNegativeInt,
  creationTime: Schema.Int,
  fileID: Schema.optional(Schema.NullOr(Schema.String))
}).pipe(Schema.filter(({ key, name }) => (name ?? key) !== undefined || 'expected "name"'))

export type Manifest = typeof ManifestJson.Type

const decodeJson = Schema.decodeUnknown(ManifestJson)
const decodeFields = Schema.decodeUnknown(ManifestEntry)

/** Fails with a description of the problem. */
export const decodeManifest = (body: Uint8Array): Effect.Effect<Manifest, string> =>
  Effect.mapError(decodeJson(new TextDecoder().decode(body)), ParseResult.TreeFormatter.formatErrorSync)

/** Fails with a description of the problem in a list's entry. */
export const decodeManifestEntry = (entry: unknown): Effect.Effect<ListFile, string> =>
  Effect.mapBoth(decodeFields(entry), {
    onFailure: ParseResult.TreeFormatter.formatErrorSync,
    onSuccess: ({ creationTime, fileID, size, url }) => ({ creationTime, fileID: fileID ?? undefined, size, url })
  })

/** Distinguishes a file from another one of the same list. */
export const fileKeyOf = ({ creationTime, fileID, url }: ListFile): string =>
  JSON.stringify([fileID, creationTime, url])

/** A hundred million ids. */
export const largestListFile = 1024 ** 3

/** What to read: the file from `start` on, as a new list or into the held one. */
export interface ReadingPlan {
  readonly as: "replacement" | "growth" | "addition"
  readonly start: number
  readonly held?: HeldList
}

/**
 * The reading plan for a list. A file that is neither the held one nor at least as new does not replace it: its lines
 * are added, once and when it grows.
 */
export const planOf = (next: ListFile, held: HeldList | undefined): ReadingPlan | undefined => {
  if (held === undefined) return { as: "replacement", start: 0 }
  const { addition, file } = held
  if (next.fileID !== file.fileID && next.creationTime >= file.creationTime) return { as: "replacement", start: 0 }
  if (next.fileID === file.fileID && next.creationTime <= file.creationTime) {
    return next.size > file.size ? { as: "growth", start: file.size, held } : undefined
  }
  if (next.fileID !== addition?.fileID || next.creationTime !== addition?.creationTime) {
    return { as: "addition", start: 0, held }
  }
  return next.size > addition.size ? { as: "addition", start: addition.size, held } : undefined
}

const notUtf8 = "expected UTF-8 text, got other bytes"

/**
 * A list being read. It is a copy that shares most of its memory with the list in use, and is private until it is
 * complete. Every failure says what is wrong with the file.
 */
export class ListReading {
  readonly #ids: PackedSet
  readonly #reader: IdListReader
  readonly #decoder = new TextDecoder("utf-8", { fatal: true })
  /** How many bytes have arrived. */
  #length = 0

  constructor(
    readonly next: ListFile,
    readonly plan: ReadingPlan
  ) {
    this.#ids = plan.held?.ids.copy() ?? new PackedSet(Math.min(next.size, largestListFile) / bytesPerId)
    this.#reader = new IdListReader(this.#ids)
  }

  /** Reads the next bytes, in slices that yield to the event loop. */
  read(bytes: Uint8Array): Effect.Effect<void, string> {
    return Effect.gen(this, function* () {
      this.#length += bytes.length
      if (this.#length > largestListFile) return yield* Effect.fail(`got more than ${largestListFile} bytes`)
      // Of a list that grows each id may have to copy a part of it first.
      const slice = bytesPerId * (this.plan.as === "replacement" ? 1_000 : 100)
      for (let at = 0; at < bytes.length; at += slice) {
        const part = bytes.subarray(at, at + slice)
        // Other bytes are not from a list file, even if some lines look valid.
        yield* Effect.try({ try: () => this.#decoder.decode(part, { stream: true }), catch: () => notUtf8 })
        this.#reader.read(part)
        yield* yieldToEventLoop
      }
    })
  }

  /** The list when the response, of this status, is complete. */
  end(status: number): Effect.Effect<HeldList, string> {
    return Effect.gen(this, function* () {
      const { creationTime, fileID, size } = this.next
      const { start } = this.plan
      let length = this.#length
      // A line that was cut in a short response arrives in full the next time.
      if (start + length < size) length -= this.#reader.openLength
      else {
        yield* Effect.try({ try: () => this.#decoder.decode(), catch: () => notUtf8 })
        this.#reader.end()
      }
      // A server without range support responds 200 with the whole file. Reading lines again changes nothing.
      const isWhole = status === 200 && length > size - start
      const file = { creationTime, fileID, size: isWhole ? length : start + length }
      // A new list is the file; an older one keeps its own.
      const { as, held = { file, addition: undefined } } = this.plan
      return {
        ids: this.#ids,
        file: as === "growth" ? { ...held.file, size: file.size } : held.file,
        addition: as === "addition" ? file : held.addition,
        updatedAt: yield* Clock.currentTimeMillis
      }
    })
  }
}
