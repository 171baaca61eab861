/**
 * Runs work when a process has nothing else left to do, before it ends.
 *
 * Node emits `beforeExit` when the event loop is empty, again after each further work, but not after `process.exit` or
 * an uncaught exception. All tasks share one listener, even if the package is loaded more than once; without tasks
 * there is none. Without such an event nothing is done.
 */
import { ofProcess } from "./ofProcess.js"

/** A task. Its timers and requests keep the process alive. */
type Task = () => void

interface EventSource {
  readonly on: (name: "beforeExit", listener: () => void) => unknown
  readonly off: (name: "beforeExit", listener: () => void) => unknown
}

const shared = () =>
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

/** Calls the task each time before the process ends. Returns a function that removes it. */
export const onBeforeExit = (task: Task): (() => void) => {
  const { listener, tasks } = shared()
  if (tasks.size === 0) source()?.on("beforeExit", listener)
  tasks.add(task)
  return () => {
    if (tasks.delete(task) && tasks.size === 0) source()?.off("beforeExit", listener)
  }
}
