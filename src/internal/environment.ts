/** An environment variable. Also `undefined` if access is denied: Deno throws without `--allow-env`. */
export const environmentVariable = (name: string): string | undefined => {
  try {
    return globalThis.process?.env[name]
  } catch {
    return undefined
  }
}
