/**
 * Membership in ID lists, for `in_segment_list` and `not_in_segment_list`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { IdListError } from "./StatsigError.js"

/**
 * How one list is doing.
 *
 * @since 0.1.0
 */
export interface IdListStatus {
  readonly name: string
  /** How many ids it holds. */
  readonly ids: number
  /** The file that it was read from and how many bytes of it; `undefined` where there is none. */
  readonly file: { readonly fileID: string | undefined; readonly bytes: number } | undefined
  /** When it last changed, in epoch milliseconds. */
  readonly updatedAt: number | undefined
  /** Why it could not be brought up to date since then. */
  readonly lastError: IdListError | undefined
}

/**
 * How the lists are doing.
 *
 * @since 0.1.0
 */
export interface IdListsStatus {
  /** Whether the first sync brought all lists; `undefined` before it ended, and where there is nothing to sync. */
  readonly isReady: boolean | undefined
  /** Those that are there, and those that could not be got. */
  readonly lists: ReadonlyArray<IdListStatus>
  /** When a sync last brought everything up to date, in epoch milliseconds. */
  readonly lastSuccessAt: number | undefined
  /** What went wrong since then; of several lists, with one of them. */
  readonly lastError: IdListError | undefined
}

/**
 * The lists that evaluation asks. An id is in a list when the first 48 bits of the SHA-256 of its UTF-8 text are: they
 * are the first eight base64 characters that list files hold, without the text.
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
     * Brings all lists up to date now, as `initialize` does after the specs and a poll does. A list that fails stays as
     * it was and holds up no other; the error is that of one of them.
     */
    readonly sync: Effect.Effect<void, IdListError>
    /** Starts polling in the background, once. */
    readonly startUpdates: Effect.Effect<void>
    readonly status: Effect.Effect<IdListsStatus>
  }
>() {}
