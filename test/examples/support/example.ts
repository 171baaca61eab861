/** Examples as separate programs. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** A running server example. */
export interface Example {
  readonly origin: string
  readonly stop: () => Promise<void>
}

/** Starts a server example, and waits until it prints its address. */
export const serve = async (name: string): Promise<Example> => {
  const main = fileURLToPath(new URL(`../../../examples/${name}/main.ts`, import.meta.url))
  const child: ChildProcess = spawn(process.execPath, ["--import", "tsx", main, "--serve"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PORT: "0" }
  })
  const ended = once(child, "exit")
  const stop = async () => {
    child.kill()
    await ended
  }
  for await (const line of createInterface({ input: child.stdout! })) {
    const origin = /http:\/\/\S+/.exec(line)?.[0]
    if (origin !== undefined) return { origin, stop }
  }
  throw new Error(`the example ${name} ended before it served`)
}
