/** Scripts of logged calls in a separate process, and their outcomes. */
import { fileURLToPath } from "node:url"
import { runAlone } from "./alone.js"
import type { Report, Task } from "./eventsChild.js"

const child = fileURLToPath(new URL("eventsChild.ts", import.meta.url))

/** Runs the task, and returns a report of each world. */
export const runTask = async (task: Task): Promise<ReadonlyArray<Report>> => {
  const { code, output } = await runAlone(child, [JSON.stringify(task)])
  if (code !== 0) throw new Error(`the scripts of seed ${task.seed} ended with ${code}`)
  return JSON.parse(output)
}

/** The differences in a report as text; `undefined` when there are none. */
export const describeDifferences = (seed: number, { index, mode, outcome }: Report): string | undefined => {
  const { missing, unexpected } = outcome
  if (missing.length + unexpected.length === 0) return undefined
  const shown = [...missing.slice(0, 3).map(text => `- ${text}`), ...unexpected.slice(0, 3).map(text => `+ ${text}`)]
  return (
    `seed ${seed}, world ${index}, sampling ${mode}: ${missing.length} events are missing and ` +
    `${unexpected.length} unexpected:\n${shown.join("\n")}`
  )
}

/** Adds counts to totals. */
export const addCounts = (totals: Record<string, number>, counts: Readonly<Record<string, number>>): void => {
  for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count
}

/** The sum of all counts. */
export const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0)
