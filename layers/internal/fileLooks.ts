/**
 * Detects changes of a file by checking it regularly.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

export const pauseBetweenLooks = Duration.millis(500)

/** The properties that change when a file is written or replaced. */
export const looksOf = ({ ino, mtime, size }: FileSystem.File.Info): string =>
  [Option.getOrUndefined(ino), Option.getOrUndefined(mtime)?.getTime(), size].join(" ")
