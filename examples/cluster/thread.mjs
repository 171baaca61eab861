/**
 * Loads the worker in a thread, where tsx must be registered to read TypeScript. A compiled program does not need this.
 */
import { register } from "tsx/esm/api"

register()
await import("./worker.ts")
