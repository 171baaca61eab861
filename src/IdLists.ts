/**
 * Membership in ID lists, for `in_segment_list` and `not_in_segment_list`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * The lists that evaluation asks. An id is in a list when the first 48 bits of the SHA-256 of its UTF-8 text are: they
 * are the first eight base64 characters that list files hold, without the text.
 *
 * `contains` is called on the check path: it must be synchronous and must not throw. An unknown list contains nothing.
 *
 * Layers: `statsig-effect/layers/IdLists/Memory` (default, empty).
 *
 * @since 0.1.0
 */
export class IdLists extends Context.Tag("statsig-effect/IdLists")<
  IdLists,
  {
    /** `high` and `low` are the first and the second 24 bits of the id's hash. */
    readonly contains: (list: string, high: number, low: number) => boolean
  }
>() {}
