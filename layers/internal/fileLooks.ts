/**
 * Detects changes of a file by checking it regularly.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { interval } from "../../src/internal/clocks.js"

export const pauseBetweenLooks = Duration.millis(500)

/** The properties that change when a file is written or replaced. */
export const looksOf = ({ ino, mtime, size }: FileSystem.File.Info): string =>
  [Option.getOrUndefined(ino), Option.getOrUndefined(mtime)?.getTime(), size].join(" ")

/** Emits the looks while two in a row are the same, and are not known. */
export const changesOf = (stat: Effect.Effect<FileSystem.File.Info, unknown>, isKnown: (looks: string) => boolean) =>
  Stream.suspend(() => {
    let seen: string | undefined
    const look = Effect.map(Effect.option(stat), info => {
      const before = seen
      seen = Option.getOrUndefined(Option.map(info, looksOf))
      return Option.liftPredicate(seen, looks => looks === before && looks !== undefined && !isKnown(looks))
    })
    return Stream.filterMap(Stream.repeatEffect(Effect.andThen(interval(pauseBetweenLooks), look)), changed => changed)
  })
