/**
 * The runtime's timers, captured when this module is loaded.
 *
 * Test runners replace the global timers (`vi.useFakeTimers()`, `jest.useFakeTimers()`, `mock.timers` of `node:test`),
 * and the replacements only run when the test advances them. Everything that a caller may wait for uses the timers of
 * this module, which such a replacement does not affect. On Node they come from `node:timers`, which are real even if
 * the globals were replaced before this module was loaded.
 */
const timers = globalThis.process?.getBuiltinModule?.("node:timers") ?? globalThis

export const { clearTimeout, setTimeout } = timers

/** Not every global object has it. */
export const setImmediate: (call: (nothing?: never) => void) => unknown =
  timers.setImmediate ?? (call => setTimeout(call, 0))

/** Calls a function once the current code has finished, as `queueMicrotask` does. The function must not throw. */
export const soon = (call: () => void): void => void Promise.resolve().then(call)

/** Keeps a timer from keeping the process alive. Some runtimes give a number, which has no such effect. */
export const unref = (timer: { readonly unref?: () => unknown } | number): void => {
  if (typeof timer === "object") timer.unref?.()
}
