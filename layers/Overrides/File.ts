/**
 * Overrides from a file: for emergencies, when a value must change now and nothing else is available.
 *
 * The file holds a JSON array of overrides (`Override` in `statsig-effect`):
 *
 *     [
 *       { "gate": "new_checkout", "value": false },
 *       { "dynamicConfig": "prices", "value": { "vat": 19 }, "id": "u-1" },
 *       { "experiment": "button", "group": "Test", "id": "u-2" },
 *       { "experiment": "banner", "value": { "color": "red" } },
 *       { "layer": "home", "value": { "columns": 2 } },
 *       { "parameterStore": "links", "value": { "help": "https://example.com/help" } }
 *     ]
 *
 * The file is checked twice a second and read once two checks in a row find it unchanged; it may be created later,
 * written, replaced and deleted. Deleting it ends its overrides. Invalid content, even a single key, changes nothing
 * and is logged as a warning: half of an emergency switch is worse than none.
 *
 * The file takes precedence over overrides that the program sets.
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { inBackground, interval } from "../../src/internal/clocks.js"
import { makeListeners } from "../../src/internal/listeners.js"
import {
  make as makeOverrides,
  namesOf,
  type OverriddenName,
  Override,
  Overrides,
  type Service
} from "../../src/Overrides.js"
import { looksOf, pauseBetweenLooks } from "../internal/fileLooks.js"

/** In bytes. */
const largestFile = 1024 * 1024

/** A misspelt key is an error: without its `id` an override would apply to everyone. */
const decodeFile = Schema.decode(Schema.parseJson(Schema.Array(Override)), { onExcessProperty: "error" })

/** The state of a missing file. */
const absent = "absent"

/**
 * The location of the overrides.
 *
 * @since 0.1.0
 */
export interface FileOptions {
  /** The file that is read, and followed. */
  readonly path: string
}

/**
 * Makes overrides that follow the file at `path` until the scope ends.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: FileOptions) {
  const { path } = options
  const files = yield* FileSystem.FileSystem
  const own = makeOverrides()
  const listeners = makeListeners<ReadonlyArray<OverriddenName>>()
  own.onChange(listeners.tell)
  let fromFile: Service = makeOverrides()
  let namesInFile: ReadonlyArray<OverriddenName> = []
  let read = absent
  let seen = absent

  const look = files.stat(path).pipe(
    Effect.map(looksOf),
    Effect.catchTag("SystemError", error => (error.reason === "NotFound" ? Effect.succeed(absent) : Effect.fail(error)))
  )

  /** Fails with a description of the problem. */
  const content = Effect.gen(function* () {
    const { size } = yield* Effect.mapError(files.stat(path), error => error.message)
    if (size > largestFile) return yield* Effect.fail(`expected at most ${largestFile} bytes, got ${size}`)
    const text = yield* Effect.mapError(files.readFileString(path), error => error.message)
    return yield* Effect.mapError(decodeFile(text), ParseResult.TreeFormatter.formatErrorSync)
  })

  const readFile = Effect.matchEffect(
    Effect.suspend(() => (read === absent ? Effect.succeed([]) : content)),
    {
      onFailure: problem => Effect.logWarning(`${path} cannot be used, its overrides stay as they were: ${problem}`),
      onSuccess: overrides => {
        const before = namesInFile
        fromFile = makeOverrides(overrides)
        namesInFile = overrides.flatMap(namesOf)
        listeners.tell([...before, ...namesInFile])
        return Effect.logInfo(`${overrides.length} overrides from ${path}`)
      }
    }
  )

  const follow = Effect.gen(function* () {
    const before = seen
    seen = Option.getOrElse(yield* Effect.option(look), () => seen)
    if (seen !== before || seen === read) return
    read = seen
    yield* readFile
  })

  seen = Option.getOrElse(yield* Effect.option(look), () => absent)
  yield* follow
  yield* Effect.forkScoped(inBackground(Effect.forever(Effect.andThen(interval(pauseBetweenLooks), follow))))

  return Overrides.of({
    ...own,
    isEmpty: () => fromFile.isEmpty() && own.isEmpty(),
    find: (kind, name, user) => fromFile.find(kind, name, user) ?? own.find(kind, name, user),
    onChange: listeners.add
  })
})

/**
 * Overrides from a file, which take precedence over those that the program sets.
 *
 * @example
 * StatsigLayer.layerConfig.pipe(Layer.provide(FileOverrides.layer({ path: "/etc/statsig-overrides.json" })))
 *
 * @since 0.1.0
 */
export const layer = (options: FileOptions): Layer.Layer<Overrides, never, FileSystem.FileSystem> =>
  Layer.scoped(Overrides, make(options))
