/**
 * A data store of files in a directory, one per key: for programs that restart, and for programs on one machine that
 * another one supplies.
 *
 * A value is written to a temporary file, synced to disk and then renamed, so that a reader, even after a crash, finds
 * the old value or the new one and never a part. If several processes write to one directory, the last wins. Temporary
 * files of a killed writer are removed at the next start.
 *
 * Changes are found by polling the file, as in `statsig-effect/layers/SpecSource/File`, and only if enabled.
 *
 * @since 0.1.0
 */
import { createHash, randomUUID } from "node:crypto"
import { hostname } from "node:os"
import { kill, pid, uptime } from "node:process"
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as DataStore from "../../src/DataStore.js"
import { largestPayload, payloadText } from "../../src/internal/payload.js"
import { DataStoreError } from "../../src/StatsigError.js"
import { changesOf, looksOf } from "../internal/fileLooks.js"

/**
 * The location of the files, and how they are used.
 *
 * @since 0.1.0
 */
export interface FileOptions extends DataStore.PollingOptions {
  /** Created if it does not exist. */
  readonly directory: string
  /**
   * Whether values written by another process are read within about a second, without waiting for a poll. Default:
   * `false`.
   */
  readonly watch?: boolean | undefined
}

/**
 * Makes the store.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: FileOptions) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { directory } = options

  const fileOf = (key: string) => path.join(directory, `${fileNameOf(key)}.data`)

  /** The state of each file when it was last read. */
  const lastRead = new Map<string, string>()

  const read = Effect.fnUntraced(
    function* (key: string) {
      const file = fileOf(key)
      const info = yield* files.stat(file)
      if (options.watch === true) lastRead.set(key, looksOf(info))
      if (info.size <= largestPayload) return yield* files.readFile(file)
      const message = `${file}: expected at most ${largestPayload} bytes, got ${info.size}`
      return yield* new DataStoreError({ operation: "get", message })
    },
    Effect.catchTags({
      BadArgument: failedTo("get"),
      SystemError: error => (error.reason === "NotFound" ? Effect.succeed(undefined) : failedTo("get")(error))
    })
  )
  const write = (key: string, value: Uint8Array) => Effect.mapError(replace(files, fileOf(key), value), failedTo("set"))
  const changes = (key: string) =>
    changesOf(files.stat(fileOf(key)), looks => looks === lastRead.get(key)).pipe(Stream.changes, Stream.as(undefined))

  return DataStore.make({
    initialize: Effect.zipLeft(
      Effect.mapError(files.makeDirectory(directory, { recursive: true }), failedTo("initialize")),
      removeLeftovers(files, path, directory)
    ),
    get: key =>
      Effect.flatMap(read(key), bytes =>
        bytes === undefined
          ? Effect.succeed(undefined)
          : Effect.mapError(payloadText(bytes), ({ message }) => new DataStoreError({ operation: "get", message }))
      ),
    set: (key, value) => write(key, new TextEncoder().encode(value)),
    getBytes: read,
    setBytes: write,
    supportsPollingUpdatesFor: () => Effect.succeed(options.supportsPollingUpdates === true),
    ...(options.watch === true ? { changes } : {})
  })
})

const failedTo = (operation: DataStoreError["operation"]) => (error: PlatformError.PlatformError) =>
  new DataStoreError({ operation, message: error.message })

/** A reader finds the old value or the new one. */
const replace = (files: FileSystem.FileSystem, file: string, value: Uint8Array) => {
  const unfinished = `${file}.${host}-${pid}-${randomUUID()}.unfinished`
  return Effect.scoped(
    Effect.gen(function* () {
      const handle = yield* files.open(unfinished, { flag: "wx" })
      // Writing nothing counts as a failure there.
      if (value.length > 0) yield* handle.writeAll(value)
      yield* handle.sync
    })
  ).pipe(
    Effect.andThen(files.rename(unfinished, file)),
    Effect.onError(() => Effect.ignore(files.remove(unfinished)))
  )
}

/** Never fails: it only frees disk space. */
const removeLeftovers = (files: FileSystem.FileSystem, path: Path.Path, directory: string) =>
  Effect.gen(function* () {
    const names = yield* files.readDirectory(directory)
    const now = yield* Clock.currentTimeMillis
    yield* Effect.forEach(names.filter(isUnfinished), name => {
      const leftover = path.join(directory, name)
      return Effect.ignore(
        Effect.flatMap(files.stat(leftover), ({ mtime }) =>
          isLeft(name, Option.getOrUndefined(mtime)?.getTime() ?? now, now) ? files.remove(leftover) : Effect.void
        )
      )
    })
  }).pipe(Effect.ignore)

/** Distinguishes this machine, or container, from others that share the directory. */
const host = createHash("sha256").update(hostname()).digest("hex").slice(0, 8)

/** No write takes this long, in milliseconds. */
const longestWrite = 10 * 60 * 1_000

const unfinishedName = /\.data\.(?:([0-9a-f]{8})-(\d+)-)?[0-9a-f-]{36}\.unfinished$/

const isUnfinished = (name: string): boolean => unfinishedName.test(name)

/** Whether a file was abandoned: its writer has ended, or started too long ago. */
const isLeft = (name: string, changedAt: number, now: number): boolean => {
  if (now - changedAt > longestWrite) return true
  const [, writtenOn, writer] = unfinishedName.exec(name) ?? []
  if (writtenOn !== host) return false
  // In containers a process often has the id of its predecessor.
  return Number(writer) === pid ? changedAt < now - uptime() * 1_000 : !isRunning(Number(writer))
}

const isRunning = (pid: number): boolean => {
  try {
    return kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"
  }
}

/** The maximum length of a name, including its suffix: some file systems allow 255 bytes. */
const longestName = 180

/** Escapes every character that a file system may treat specially; a long name ends with its hash. */
const fileNameOf = (key: string): string => {
  const name = encodeURIComponent(key.replace(/\p{Surrogate}/gu, "?"))
  if (name.length <= longestName) return name
  const hash = createHash("sha256").update(key).digest("hex")
  return `${name.slice(0, longestName - hash.length)}${hash}`
}

/**
 * A store of files.
 *
 * @example
 * DataStoreSource.layerBefore({ sdkKey }).pipe(
 *   Layer.provide(Http.layer({ sdkKey })),
 *   Layer.provide(FileStore.layer({ directory: "/var/lib/shop/statsig" })),
 *   Layer.provide(NodeContext.layer)
 * )
 *
 * @since 0.1.0
 */
export const layer = (
  options: FileOptions
): Layer.Layer<DataStore.DataStore, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(DataStore.DataStore, make(options))
