/**
 * ID lists in the `DataStore` of the context, if there is one.
 *
 * Each list has a value of its own: a line of JSON that tells how far which file was read, and then a list file that
 * adds just the ids of the list. One more value names the lists. So a process starts with the lists of an earlier one,
 * and reads on where that one stopped.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { DataStore, type KeyOptions, keyOf } from "../DataStore.js"
import { bytesPerId, IdListReader, idListLines } from "../engine/idLists/idListFile.js"
import { PackedSet } from "../engine/idLists/packedSet.js"
import { yieldToEventLoop } from "./eventLoop.js"
import { masking } from "./secrets.js"

/**
 * A list file, and how many bytes of it were read.
 *
 * @internal
 */
export interface ReadFile {
  readonly fileID: string | undefined
  /** Epoch milliseconds. */
  readonly creationTime: number
  readonly size: number
}

/**
 * A list as it is held. Never changed, only replaced.
 *
 * @internal
 */
export interface HeldList {
  readonly ids: PackedSet
  readonly file: ReadFile
  /**
   * A file that a later manifest named and that did not replace the first, because it is older or has the same id: its
   * lines were read on top.
   */
  readonly addition: ReadFile | undefined
  /** Epoch milliseconds. */
  readonly updatedAt: number
}

/** How long the store may take for one call, and for reading all lists. */
const timeout = Duration.seconds(10)

/** Longer texts, about three million ids, would weigh on whatever keeps them. */
const longestText = 32 * 1024 * 1024

/** Characters between two turns of the event loop. */
const slice = 16 * 1024

const File = Schema.Struct({
  fileID: Schema.optional(Schema.String),
  creationTime: Schema.Int,
  size: Schema.NonNegativeInt
})

const Head = Schema.parseJson(
  Schema.Struct({ file: File, addition: Schema.optional(File), ids: Schema.NonNegativeInt, updatedAt: Schema.Int })
)
const Names = Schema.parseJson(Schema.Array(Schema.String))

/**
 * What becomes of the lists outside the process. Neither fails: trouble is logged.
 *
 * @internal
 */
export interface StoredIdLists {
  readonly read: Effect.Effect<ReadonlyMap<string, HeldList>>
  /** Writes these lists; `held` are all, and those that it lacks are taken out. Gives the names that were not written. */
  readonly write: (
    names: ReadonlySet<string>,
    held: ReadonlyMap<string, HeldList>
  ) => Effect.Effect<ReadonlyArray<string>>
}

/**
 * Where the lists are stored; none without a `DataStore` in the context.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function* (options: KeyOptions) {
  const found = yield* Effect.serviceOption(DataStore)
  if (Option.isNone(found)) return Option.none()
  const store = found.value
  const mask = masking(options.sdkKey)
  const namesKey = keyOf("/v1/get_id_lists", "plain_text", options)
  const listKey = (name: string) =>
    keyOf(
      `/v1/download_id_list_file/${encodeURIComponent(name.replace(/\p{Surrogate}/gu, "?"))}`,
      "plain_text",
      options
    )

  const logged = (what: string) =>
    Effect.catchAllCause((cause: Cause.Cause<unknown>) =>
      Effect.as(Effect.logWarning(`${what}: ${mask(Cause.pretty(cause))}`), undefined)
    )

  const get = (key: string) => Effect.timeout(Effect.disconnect(store.get(key)), timeout)

  const readList = Effect.fnUntraced(function* (name: string) {
    const text = yield* get(listKey(name))
    if (text === undefined || text === "") return undefined
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
    const { addition, file, updatedAt } = head
    const asRead = ({ creationTime, fileID, size }: typeof file): ReadFile => ({ creationTime, fileID, size })
    return { ids, updatedAt, file: asRead(file), addition: addition && asRead(addition) } satisfies HeldList
  })

  const read = Effect.gen(function* () {
    const lists = new Map<string, HeldList>()
    const initialized = Effect.timeout(Effect.disconnect(store.initialize), timeout)
    const names = yield* Effect.flatMap(Effect.andThen(initialized, get(namesKey)), text =>
      text === undefined ? Effect.succeed([]) : Schema.decodeUnknown(Names)(text)
    ).pipe(logged("The ID lists were not read from the data store"))
    const readLists = Effect.gen(function* () {
      for (const name of names ?? []) {
        const what = `The ID list ${JSON.stringify(name)} was not read from the data store`
        const list = yield* readList(name).pipe(logged(what))
        if (list !== undefined) lists.set(name, list)
      }
    })
    // For all together: the network has them too.
    yield* Effect.timeout(readLists, timeout).pipe(logged("Not all ID lists were read from the data store"))
    return lists
  })

  const textOf = Effect.fnUntraced(function* ({ addition, file, ids, updatedAt }: HeldList) {
    let text = `${JSON.stringify({ file, addition, ids: ids.size, updatedAt })}\n`
    for (const lines of idListLines(ids)) {
      text += lines
      yield* yieldToEventLoop
    }
    return text
  })

  const write: StoredIdLists["write"] = Effect.fnUntraced(function* (names, held) {
    const now = yield* Clock.currentTimeMillis
    /** Whether it was written. */
    const set = (what: string, key: string, text: string, time: number) =>
      store
        .set(key, text, { version: time, receivedAt: time })
        .pipe(
          Effect.disconnect,
          Effect.timeout(timeout),
          Effect.as(true),
          logged(`${what} not written to the data store`)
        )
    const failed: Array<string> = []
    for (const name of names) {
      // A store that does not take one is not asked to take the others now: there may be thousands.
      if (failed.length > 0) {
        failed.push(name)
        continue
      }
      const list = held.get(name)
      const isTooLong = list !== undefined && list.ids.size * bytesPerId > longestText
      if (isTooLong) yield* Effect.logDebug(`The ID list ${JSON.stringify(name)} is too long for the data store`)
      const text = list === undefined || isTooLong ? "" : yield* textOf(list)
      const what = `The ID list ${JSON.stringify(name)} was`
      if (!(yield* set(what, listKey(name), text, list?.updatedAt ?? now))) failed.push(name)
    }
    const isNamed = yield* set("The names of the ID lists were", namesKey, JSON.stringify([...held.keys()]), now)
    return isNamed ? failed : [...names]
  })

  const stored: StoredIdLists = { read, write }
  return Option.some(stored)
})
