/**
 * Membership in ID lists, for `in_segment_list` and `not_in_segment_list`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { IdListError } from "./StatsigError.js"

/**
 * The state of one list.
 *
 * @since 0.1.0
 */
export interface IdListStatus {
  readonly name: string
  /** The number of ids it holds. */
  readonly ids: number
  /** The file that it was read from and how many bytes of it were read; `undefined` without a file. */
  readonly file: { readonly fileID: string | undefined; readonly bytes: number } | undefined
  /** When it last changed, in epoch milliseconds. */
  readonly updatedAt: number | undefined
  /** Why the last update failed, if one has failed since then. */
  readonly lastError: IdListError | undefined
}

/**
 * The state of the lists.
 *
 * @since 0.1.0
 */
export interface IdListsStatus {
  /** Whether the first sync brought all lists; `undefined` before it ended, and when there is nothing to sync. */
  readonly isReady: boolean | undefined
  /** The lists that are held, and those that could not be loaded. */
  readonly lists: ReadonlyArray<IdListStatus>
  /** When a sync last updated every list, in epoch milliseconds. */
  readonly lastSuccessAt: number | undefined
  /** The error since then; if several lists failed, that of one of them. */
  readonly lastError: IdListError | undefined
}

/**
 * The ID lists that evaluation uses. An id is in a list when the first 48 bits of the SHA-256 of its UTF-8 text are:
 * the list files hold them as the first eight base64 characters.
 *
 * Layers: `statsig-effect/layers/IdLists/Memory` (default, empty), `Http` (with the option `enableIdLists`).
 *
 * @since 0.1.0
 */
export class IdLists extends Context.Tag("statsig-effect/IdLists")<
  IdLists,
  {
    /**
     * Whether the id is in the list: `high` and `low` are the first and the second 24 bits of its hash. Called on the
     * check path: synchronous and total. An unknown list contains nothing.
     */
    readonly contains: (list: string, high: number, low: number) => boolean
    /**
     * Updates all lists now, as `initialize` does after the specs and a poll does. A list that fails stays as it was
     * and does not hold up others; the error is that of one of them.
     */
    readonly sync: Effect.Effect<void, IdListError>
    /** Starts polling in the background, once. */
    readonly startUpdates: Effect.Effect<void>
    readonly status: Effect.Effect<IdListsStatus>
  }
>() {}
