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
  /** Consecutive failures. */
  readonly failures: number
  /** In how many further syncs it is skipped, unless the manifest names another file. */
  readonly skips: number
  /** The file that failed. */
  readonly file: string
}

/** The lists by their names. */
export class FailingLists {
  readonly #lists = new Map<string, FailingList>()
  readonly #syncInterval: number
  #untold: Array<IdListError> = []
  #moreUntold = 0

  constructor(syncInterval: Duration.Duration) {
    this.#syncInterval = Math.max(Duration.toMillis(syncInterval), 1)
  }

  get names(): ReadonlyArray<string> {
    return [...this.#lists.keys()]
  }

  has(name: string): boolean {
    return this.#lists.has(name)
  }

  errorOf(name: string): IdListError | undefined {
    return this.#lists.get(name)?.error
  }

  /** The error of one of them. */
  get anyError(): IdListError | undefined {
    const [first] = this.#lists.values()
    return first?.error
  }

  /**
   * A list failed. The file is skipped for a time that doubles with each failure, multiplied by `share`, and at least
   * as long as the server asks for.
   */
  add(name: string, file: string, error: IdListError, share: number): void {
    const failures = (this.#lists.get(name)?.failures ?? 0) + 1
    const grown = failures === 1 ? 0 : Math.min(2 ** (failures - 1), mostSkips)
    const told = Math.ceil((error.retryAfter ?? 0) / this.#syncInterval)
    const skips = Math.max(Math.ceil(grown * share), told)
    this.#lists.set(name, { error: released(error), failures, file, skips })
    if (this.#untold.length < mostLogged) this.#untold.push(error)
    else this.#moreUntold++
  }

  /** Whether to skip a file in the current sync, which then counts. Another file is not skipped. */
  skip(name: string, file: string): boolean {
    const before = this.#lists.get(name)
    if (before === undefined) return false
    if (before.file !== file) this.#lists.delete(name)
    else if (before.skips > 0) {
      this.#lists.set(name, { ...before, skips: before.skips - 1 })
      return true
    }
    return false
  }

  keepOnly(named: ReadonlySet<string>): void {
    for (const name of this.#lists.keys()) if (!named.has(name)) this.#lists.delete(name)
  }

  /** A list was updated. */
  delete(name: string): void {
    this.#lists.delete(name)
  }

  /** The errors that were not logged yet, and how many more there were. */
  takeUntold(): { readonly errors: ReadonlyArray<IdListError>; readonly more: number } {
    const taken = { errors: this.#untold, more: this.#moreUntold }
    this.#untold = []
    this.#moreUntold = 0
    return taken
  }
}
