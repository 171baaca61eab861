/**
 * What the Promise API writes to the console of the program.
 */
import { quietly } from "../internal/quietly.js"

/** Writes to the console. A console that is closed, or that throws, must not make a method throw. */
export const complain = (level: "warn" | "error", ...parts: ReadonlyArray<unknown>): void =>
  quietly(() => console[level](...parts))
