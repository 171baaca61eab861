/**
 * The lists in use, and the `DataStore` of the context, if there is one. A list is never modified, only replaced, in one
 * assignment: a check sees it before or after a change, never in between.
 *
 * Each list has its own value: a JSON line that says which file was read and how far, followed by a list file that adds
 * exactly the ids of the list. One more value names the lists. So a process starts with the lists of an earlier one and
 * continues reading where that one stopped.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import { DataStore, type KeyOptions, keyOf, type Store } from "../../../src/DataStore.js"
import { bytesPerId, IdListReader, idListLines } from "../../../src/engine/idLists/idListFile.js"
import { PackedSet } from "../../../src/engine/idLists/packedSet.js"
import { yieldToEventLoop } from "../../../src/internal/eventLoop.js"
import { masking } from "../../../src/internal/secrets.js"

const File = Schema.Struct({
  /** Epoch milliseconds. */
  creationTime: Schema.Int,
  fileID: Schema.optional(Schema.String),
  size: Schema.NonNegativeInt
})

/** A list file, and how many bytes of it were read. */
export type ReadFile = typeof File.Type

/** A held list. Never modified, only replaced. */
export interface HeldList {
  readonly ids: PackedSet
  readonly file: ReadFile
  /**
   * A file that a later manifest named and that did not replace the first, because it is older or has the same id: its
   * lines were added.
   */
  readonly addition?: ReadFile | undefined
  /** Epoch milliseconds. */
  readonly updatedAt: number
}

/** The timeout of one call of the store, and of reading all lists. */
const timeout = Duration.seconds(10)

/** Longer texts, about three million ids, would burden a store. */
const longestText = 32 * 1024 * 1024

/** Characters between two turns of the event loop. */
const slice = 16 * 1024

const Head = Schema.parseJson(
  Schema.Struct({ file: File, addition: Schema.optional(File), ids: Schema.NonNegativeInt, updatedAt: Schema.Int })
)
const Names = Schema.parseJson(Schema.Array(Schema.String))

/** Stores the lists outside the process. Nothing fails: errors are logged. */
export class StoredIdLists {
  constructor(
    readonly store: Store,
    readonly options: KeyOptions
  ) {}

  readonly read: Effect.Effect<ReadonlyMap<string, HeldList>> = Effect.gen(this, function* () {
    const lists = new Map<string, HeldList>()
    const readNames = Effect.flatMap(
      Effect.andThen(inTime(this.store.initialize), inTime(this.store.get(this.#namesKey))),
      (text = "[]") => Schema.decodeUnknown(Names)(text)
    )
    const names = yield* this.#logged("The ID lists were not read from the data store", readNames)
    const readLists = Effect.gen(this, function* () {
      for (const name of names ?? []) {
        const what = `The ID list ${JSON.stringify(name)} was not read from the data store`
        const readList = Effect.flatMap(inTime(this.store.get(this.#listKey(name))), text =>
          text ? heldListOf(text) : Effect.succeed(undefined)
        )
        const list = yield* this.#logged(what, readList)
        if (list !== undefined) lists.set(name, list)
      }
    })
    // One timeout for all: the network has the lists too.
    yield* this.#logged("Not all ID lists were read from the data store", Effect.timeout(readLists, timeout))
    return lists
  })

  /**
   * Writes these lists; `held` are all lists, and names missing from it are removed. Returns the names that were not
   * written.
   */
  write(names: ReadonlySet<string>, held: ReadonlyMap<string, HeldList>): Effect.Effect<ReadonlyArray<string>> {
    return Effect.gen(this, function* () {
      const now = yield* Clock.currentTimeMillis
      const failed: Array<string> = []
      for (const name of names) {
        // After one failed write the others are not tried now: there may be thousands.
        if (failed.length > 0 || !(yield* this.#writeList(name, held.get(name), now))) failed.push(name)
      }
      const text = JSON.stringify([...held.keys()])
      const isNamed = yield* this.#set("The names of the ID lists were", this.#namesKey, text, now)
      return isNamed ? failed : [...names]
    })
  }

  get #namesKey(): string {
    return keyOf("/v1/get_id_lists", "plain_text", this.options)
  }

  #listKey(name: string): string {
    const path = `/v1/download_id_list_file/${encodeURIComponent(name.replace(/\p{Surrogate}/gu, "?"))}`
    return keyOf(path, "plain_text", this.options)
  }

  #logged<A>(what: string, effect: Effect.Effect<A, unknown>): Effect.Effect<A | undefined> {
    const mask = masking(this.options.sdkKey)
    return Effect.catchAllCause(effect, cause =>
      Effect.as(Effect.logWarning(`${what}: ${mask(Cause.pretty(cause))}`), undefined)
    )
  }

  #set(what: string, key: string, text: string, time: number): Effect.Effect<boolean> {
    const written = Effect.as(inTime(this.store.set(key, text, { version: time, receivedAt: time })), true)
    return Effect.map(this.#logged(`${what} not written to the data store`, written), done => done === true)
  }

  #writeList(name: string, list: HeldList | undefined, now: number): Effect.Effect<boolean> {
    return Effect.gen(this, function* () {
      const what = `The ID list ${JSON.stringify(name)}`
      const isTooLong = list !== undefined && list.ids.size * bytesPerId > longestText
      if (isTooLong) yield* Effect.logDebug(`${what} is too long for the data store`)
      const text = list === undefined || isTooLong ? "" : yield* textOfList(list)
      return yield* this.#set(`${what} was`, this.#listKey(name), text, list?.updatedAt ?? now)
    })
  }
}

const inTime = <A, E>(call: Effect.Effect<A, E>) => Effect.timeout(Effect.disconnect(call), timeout)

const textOfList = Effect.fnUntraced(function* ({ addition, file, ids, updatedAt }: HeldList) {
  let text = `${JSON.stringify({ file, addition, ids: ids.size, updatedAt })}\n`
  for (const lines of idListLines(ids)) {
    text += lines
    yield* yieldToEventLoop
  }
  return text
})

const heldListOf = Effect.fnUntraced(function* (text: string) {
  const headEnd = text.indexOf("\n")
  const head = yield* Schema.decodeUnknown(Head)(text.slice(0, headEnd))
  const ids = new PackedSet(Math.floor((text.length - headEnd) / bytesPerId))
  const reader = new IdListReader(ids)
  const encoder = new TextEncoder()
  for (let at = headEnd + 1; at < text.length; at += slice) {
    reader.read(encoder.encode(text.slice(at, at + slice)))
    yield* yieldToEventLoop
  }
  reader.end()
  if (ids.size !== head.ids) return yield* Effect.dieMessage(`expected ${head.ids} ids, got ${ids.size}`)
  return { ...head, ids } satisfies HeldList
})

/** The lists by name, and which of them must still be written to the store, if there is one. */
export class HeldLists {
  readonly lists = new Map<string, HeldList>()
  readonly #unwritten = new Set<string>()
  #isRead = false
  #isInSync = false

  /** Wakes the writer. */
  readonly #changes = Effect.runSync(Queue.sliding<void>(1))

  constructor(private readonly stored: StoredIdLists | undefined) {}

  replace(name: string, list: HeldList): void {
    this.lists.set(name, list)
    this.#unwritten.add(name)
    if (!this.#isInSync) Queue.unsafeOffer(this.#changes, undefined)
  }

  keepOnly(named: ReadonlySet<string>): void {
    for (const name of this.lists.keys()) {
      if (named.has(name)) continue
      this.lists.delete(name)
      this.#unwritten.add(name)
    }
  }

  /** Writes the changes of a sync together, at its end. */
  together<A, E>(sync: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      this.#isInSync = true
      return sync
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          this.#isInSync = false
          Queue.unsafeOffer(this.#changes, undefined)
        })
      )
    )
  }

  /** Loads the stored lists, once. */
  readonly readStored: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#isRead || this.stored === undefined) return Effect.void
    return Effect.map(this.stored.read, found => {
      this.#isRead = true
      for (const [name, list] of found) this.lists.set(name, list)
    })
  })

  /** Writes changes as they come. Failed writes are repeated with the next. */
  readonly writeChanges: Effect.Effect<never> = Effect.flatMap(Queue.take(this.#changes), () => {
    if (this.#unwritten.size === 0 || this.stored === undefined) return Effect.void
    const names = new Set(this.#unwritten)
    this.#unwritten.clear()
    return Effect.map(this.stored.write(names, new Map(this.lists)), failed => {
      for (const name of failed) this.#unwritten.add(name)
    })
  }).pipe(Effect.forever)
}

export const make = (options: KeyOptions): Effect.Effect<HeldLists> =>
  Effect.map(
    Effect.serviceOption(DataStore),
    store => new HeldLists(Option.isNone(store) ? undefined : new StoredIdLists(store.value, options))
  )
