/**
 * Client initialize responses as values that can be compared.
 */

/** A parsed response. */
export interface Response {
  readonly [member: string]: unknown
  readonly feature_gates: Entries
  readonly dynamic_configs: Entries
  readonly layer_configs: Entries
  readonly exposures?: Readonly<Record<string, unknown>>
  readonly values?: Readonly<Record<string, unknown>>
}

/** Entries by their hashed names. */
export type Entries = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const byId = (ids: unknown, listed: Readonly<Record<string, unknown>>): ReadonlyArray<unknown> =>
  (ids as ReadonlyArray<string>).map(id => {
    if (!Object.hasOwn(listed, id)) throw new Error(`the response refers to ${id}, which it does not list`)
    return listed[id]
  })

/** A response of the shortest format with each id replaced by what it stands for: the ids themselves mean nothing. */
export const inlined = ({ exposures = {}, values = {}, ...response }: Response): object => {
  const entries = (map: Entries) =>
    Object.fromEntries(
      Object.entries(map).map(([name, entry]) => [
        name,
        {
          ...entry,
          ...(entry["s"] === undefined ? {} : { s: byId(entry["s"], exposures) }),
          ...(entry["us"] === undefined ? {} : { us: byId(entry["us"], exposures) }),
          ...(typeof entry["v"] === "string" ? { v: byId([entry["v"]], values)[0] } : {})
        }
      ])
    )
  return {
    ...response,
    feature_gates: entries(response.feature_gates),
    dynamic_configs: entries(response.dynamic_configs),
    layer_configs: entries(response.layer_configs)
  }
}
