/** Timers that never fire, like Jest's legacy fakes: everything is replaced, and nothing advances them. */

/** Functions that programs use to wait. */
export const timers = ["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate"]

const never = () => ({ ref() {}, unref() {}, hasRef: () => true, refresh() {} })

/** Replaces these functions; returns a function that restores them. */
export const stopEverything = (names: ReadonlyArray<string>) => {
  const replaced: Array<() => void> = []
  const replace = (object: object, name: string, value: unknown) => {
    const before = Object.getOwnPropertyDescriptor(object, name)
    Object.defineProperty(object, name, { value, configurable: true, writable: true })
    replaced.push(() => {
      if (before === undefined) Reflect.deleteProperty(object, name)
      else Object.defineProperty(object, name, before)
    })
  }
  const RealDate = Date
  class StoppedDate extends RealDate {
    constructor(...input: ReadonlyArray<never>) {
      super(...((input.length === 0 ? [0] : input) as [number]))
    }
    static override now = () => 0
  }
  for (const name of names) {
    if (name === "nextTick") replace(process, name, () => {})
    else if (name === "performance") replace(performance, "now", () => 0)
    else if (name === "Date") replace(globalThis, name, StoppedDate)
    else replace(globalThis, name, never)
  }
  return () => {
    for (const undo of replaced) undo()
  }
}
