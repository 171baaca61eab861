/**
 * The manifest of ID lists: which lists there are, and which file each of them is read from.
 */
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { ReadFile } from "./storedIdLists.js"

/** A file as a manifest names it; `size` is how many bytes there are to read. */
export interface ListFile extends ReadFile {
  readonly url: string
}

/** What is said of each list is looked at list by list. */
export interface Manifest {
  readonly [name: string]: unknown
}

const ManifestJson = Schema.parseJson(
  Schema.declare((value): value is Manifest => typeof value === "object" && value !== null && !Array.isArray(value), {
    message: () => "expected an object of lists"
  })
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

const decodeJson = Schema.decodeUnknown(ManifestJson)
const decodeFields = Schema.decodeUnknown(ManifestEntry)

/** Fails with what is wrong with it. */
export const decodeManifest = (body: Uint8Array): Effect.Effect<Manifest, string> =>
  Effect.mapError(decodeJson(new TextDecoder().decode(body)), ParseResult.TreeFormatter.formatErrorSync)

/** Fails with what is wrong with the entry of a list. */
export const decodeManifestEntry = (entry: unknown): Effect.Effect<ListFile, string> =>
  Effect.mapBoth(decodeFields(entry), {
    onFailure: ParseResult.TreeFormatter.formatErrorSync,
    onSuccess: ({ creationTime, fileID, size, url }) => ({ creationTime, fileID: fileID ?? undefined, size, url })
  })

/** What tells a file from another one of the same list. */
export const fileKeyOf = ({ creationTime, fileID, url }: ListFile): string =>
  JSON.stringify([fileID, creationTime, url])
