/**
 * Writes messages of the Promise API to the program's console.
 */
import { quietly } from "../internal/quietly.js"

/** Writes to the console. A closed or throwing console must not make a method throw. */
export const complain = (level: "warn" | "error", ...parts: ReadonlyArray<unknown>): void =>
  quietly(() => console[level](...parts))
