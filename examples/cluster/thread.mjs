/**
 * Loads the worker in a thread, where tsx has to be told to read TypeScript. A program that is compiled does without.
 */
import { register } from "tsx/esm/api"

register()
await import("./worker.ts")
