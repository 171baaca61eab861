/**
 * A variable of the environment. `undefined` also where the program may not look: Deno throws without `--allow-env`.
 *
 * @internal
 */
export const environmentVariable = (name: string): string | undefined => {
  try {
    return globalThis.process?.env[name]
  } catch {
    return undefined
  }
}
