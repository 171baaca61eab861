/**
 * The error boundary of the Promise API: no method of a `Statsig` instance throws or rejects.
 *
 * Every method, including those of a subclass, becomes a property bound to the instance, so that it may be passed
 * around. Errors thrown by a method go to `console.error`.
 */
import { complain } from "./complain.js"

/** The result of a failed method if it is not `null`, by its name and arguments. */
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

/** Checks are the most frequent calls and take three parameters: those are passed on without an array. */
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

/** Guards a call that is not a method. */
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
