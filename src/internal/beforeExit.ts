/**
 * Work that is done when a process has nothing else left to do, before it ends.
 *
 * Node says so by `beforeExit`: when the event loop is empty, again after each time that there was work, and neither after
 * `process.exit` nor after an uncaught exception. There is one listener for all who wait, also where the package is in a
 * process more than once, and none while nobody waits. Where there is no such event nothing is done.
 */
import { ofProcess } from "./ofProcess.js"

/** What is called. Its work keeps the process alive for as long as its timers and requests do. */
type Task = () => void

interface EventSource {
  readonly on: (name: "beforeExit", listener: () => void) => unknown
  readonly off: (name: "beforeExit", listener: () => void) => unknown
}

interface Shared {
  readonly tasks: Set<Task>
  readonly listener: () => void
}

const shared = (): Shared =>
  ofProcess("beforeExit/1", () => {
    const tasks = new Set<Task>()
    const listener = () => {
      for (const task of [...tasks]) task()
    }
    return { tasks, listener }
  })

const source = (): EventSource | undefined => {
  const { process } = globalThis as { readonly process?: EventSource }
  return typeof process?.on === "function" && typeof process.off === "function" ? process : undefined
}

/**
 * Calls the task each time before the process ends. Gives what ends that.
 *
 * @internal
 */
export const onBeforeExit = (task: Task): (() => void) => {
  const { listener, tasks } = shared()
  if (tasks.size === 0) source()?.on("beforeExit", listener)
  tasks.add(task)
  return () => {
    if (tasks.delete(task) && tasks.size === 0) source()?.off("beforeExit", listener)
  }
}
