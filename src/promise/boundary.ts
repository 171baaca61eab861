/**
 * The error boundary of the Promise API: no method of a `Statsig` instance throws or rejects.
 *
 * Every method becomes a property of the instance, bound to it, so that it may be passed around; those of a subclass
 * too. What a method throws goes to `console.error`.
 */
import { complain } from "./complain.js"

/** What a method that threw gives in place of `null`, by its name and arguments. */
export type Failures = Readonly<Record<string, (...input: ReadonlyArray<unknown>) => unknown>>

type Method = (...input: ReadonlyArray<unknown>) => unknown

/** Guards all methods of an instance. */
export const guardMethods = (instance: object, failures: Failures): void => {
  let prototype: object | null = Object.getPrototypeOf(instance)
  while (prototype !== null && prototype !== Object.prototype) {
    for (const name of Object.getOwnPropertyNames(prototype)) {
      const method = Object.getOwnPropertyDescriptor(prototype, name)?.value
      if (typeof method !== "function" || name === "constructor" || Object.hasOwn(instance, name)) continue
      const value = guardedMethod(instance, name, method, Object.hasOwn(failures, name) ? failures[name] : undefined)
      Object.defineProperty(instance, name, { value, enumerable: true, writable: true, configurable: true })
    }
    prototype = Object.getPrototypeOf(prototype)
  }
}

/** Programs call nothing as often as a check, which takes three parameters: those are passed on without an array. */
const guardedMethod = (instance: object, name: string, method: Method, failure: Method | undefined): Method =>
  method.length === 3
    ? (first, second, third, ...more) => {
        try {
          if (more.length > 0) return guardResult(name, method.call(instance, first, second, third, ...more))
          return guardResult(name, method.call(instance, first, second, third))
        } catch (error) {
          report(name, error)
          return failure === undefined ? null : failure(first, second, third)
        }
      }
    : (...input) => {
        try {
          return guardResult(name, method.apply(instance, input as Array<unknown>))
        } catch (error) {
          report(name, error)
          return failure === undefined ? null : failure(...input)
        }
      }

/** Makes a call that is no method of its own. */
export const guardCall = (name: string, call: () => void): void => {
  try {
    call()
  } catch (error) {
    report(name, error)
  }
}

const guardResult = (name: string, result: unknown): unknown =>
  typeof result === "object" && result instanceof Promise ? result.catch(error => report(name, error)) : result

const report = (name: string, error: unknown): void => complain("error", `Statsig::${name}`, error)
