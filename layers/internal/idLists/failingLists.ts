/**
 * Lists that could not be updated: how long each is skipped, and what is logged about them.
 */
import * as Duration from "effect/Duration"
import { released } from "../../../src/internal/errors.js"
import type { IdListError } from "../../../src/StatsigError.js"

/** The maximum number of consecutive syncs that skip a failing file: about an hour by default. */
const mostSkips = 64

/** How many lists one sync names in the log; the others are counted. */
const mostLogged = 10

interface FailingList {
  readonly error: IdListError
  readonly failures: number
  /** In how many further syncs it is skipped, unless the manifest names another file. */
  readonly skips: number
  readonly file: string
}

export class FailingLists extends Map<string, FailingList> {
  readonly #syncInterval: number
  #untold: Array<IdListError> = []
  #moreUntold = 0

  constructor(syncInterval: Duration.Duration) {
    super()
    this.#syncInterval = Math.max(Duration.toMillis(syncInterval), 1)
  }

  /**
   * A list failed. The file is skipped for a time that doubles with each failure, multiplied by `share`, and at least
   * as long as the server asks for.
   */
  fail(name: string, file: string, error: IdListError, share: number): void {
    const failures = (this.get(name)?.failures ?? 0) + 1
    const grown = failures === 1 ? 0 : Math.min(2 ** (failures - 1), mostSkips)
    const told = Math.ceil((error.retryAfter ?? 0) / this.#syncInterval)
    const skips = Math.max(Math.ceil(grown * share), told)
    this.set(name, { error: released(error), failures, file, skips })
    if (this.#untold.length < mostLogged) this.#untold.push(error)
    else this.#moreUntold++
  }

  /** Whether to skip a file in the current sync, which then counts. Another file is not skipped. */
  skip(name: string, file: string): boolean {
    const before = this.get(name)
    if (before === undefined) return false
    if (before.file !== file) this.delete(name)
    else if (before.skips > 0) {
      this.set(name, { ...before, skips: before.skips - 1 })
      return true
    }
    return false
  }

  keepOnly(named: ReadonlySet<string>): void {
    for (const name of this.keys()) if (!named.has(name)) this.delete(name)
  }

  /** The errors that were not logged yet, and how many more there were. */
  takeUntold(): { readonly errors: ReadonlyArray<IdListError>; readonly more: number } {
    const taken = { errors: this.#untold, more: this.#moreUntold }
    this.#untold = []
    this.#moreUntold = 0
    return taken
  }
}
