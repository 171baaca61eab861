/**
 * Programs that run with no network but loopback, where the system has namespaces: the official package reports its own
 * errors to a public host, whatever URLs it is given.
 */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { translated } from "../../support/translated.js"

const alone: ReadonlyArray<string> = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]

const canBeAlone = (): boolean => {
  try {
    execFileSync(alone[0] as string, [...alone.slice(1), "true"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/** Runs a TypeScript file; returns its exit and its output. */
export const runAlone = async (
  path: string,
  args: ReadonlyArray<string>
): Promise<{ readonly code: number | null; readonly output: string }> => {
  const program = [process.execPath, await translated(path), ...args]
  const [command = "", ...rest] = canBeAlone() ? [...alone, ...program] : program
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"] })
  // By the console, whose lines are shown for failing tests.
  child.stderr.on("data", part => console.error(String(part)))
  const parts: Array<Buffer> = []
  child.stdout.on("data", part => parts.push(part))
  const [code] = await once(child, "close")
  return { code, output: Buffer.concat(parts).toString() }
}
