/**
 * The timers of the runtime, taken when this module is loaded.
 *
 * Test runners replace the global timers (`vi.useFakeTimers()`, `jest.useFakeTimers()`, `mock.timers` of `node:test`), and
 * what they put there only runs when the test says so. Whatever a caller may wait for runs on the timers of this module,
 * which such a replacement does not reach. Node is asked for its own, which are real also where the globals were replaced
 * before this module was loaded.
 */
const timers = globalThis.process?.getBuiltinModule?.("node:timers") ?? globalThis

export const { clearTimeout, setTimeout } = timers

/** Not every global object has it. */
export const setImmediate: (call: (nothing?: never) => void) => unknown =
  timers.setImmediate ?? (call => setTimeout(call, 0))

/**
 * Calls a function once the code that runs now has ended, as `queueMicrotask` does. The function must not throw.
 *
 * @internal
 */
export const soon = (call: () => void): void => void Promise.resolve().then(call)
