/**
 * The timers of the runtime, taken when this module is loaded.
 *
 * Test runners replace the global timers (`vi.useFakeTimers()`, `jest.useFakeTimers()`, `mock.timers` of `node:test`), and
 * what they put there only runs when the test says so. Whatever a caller may wait for runs on the timers of this module,
 * which such a replacement does not reach. They come from `node:timers`, so that they are real also where the globals
 * were replaced before this module was loaded.
 */
import * as timers from "node:timers"

/** Taken apart here, since a module of CommonJS can be changed later. */
const { clearTimeout, setImmediate, setTimeout } = timers

export { clearTimeout, setImmediate, setTimeout }

/**
 * Calls a function once the code that runs now has ended, as `queueMicrotask` does. The function must not throw.
 *
 * @internal
 */
export const soon = (call: () => void): void => void Promise.resolve().then(call)
