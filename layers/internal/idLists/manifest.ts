/**
 * The manifest of ID lists: which lists exist, and the file of each.
 */
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { ReadFile } from "./storedIdLists.js"

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
