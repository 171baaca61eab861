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

/** One entry. */
export type Entry = Readonly<Record<string, unknown>>

/** Entries by their hashed names. */
export type Entries = Readonly<Record<string, Entry>>

const byId = (ids: unknown, listed: Readonly<Record<string, unknown>>): ReadonlyArray<unknown> =>
  (ids as ReadonlyArray<string>).map(id => {
    if (!Object.hasOwn(listed, id)) throw new Error(`the response refers to ${id}, which it does not list`)
    return listed[id]
  })

const exposureLists = ["secondary_exposures", "undelegated_secondary_exposures", "s", "us"]

/** Whether something is listed under two IDs. */
export const listsTwice = ({ exposures = {}, values = {} }: Response): boolean =>
  [exposures, values].some(listed => {
    const texts = Object.values(listed).map(item => JSON.stringify(item))
    return new Set(texts).size < texts.length
  })

/** A response with each ID replaced by its content: in the shortest format the IDs themselves mean nothing. */
export const inlined = (response: Response): Response => {
  const { exposures, values, ...rest } = response
  const value = (key: string, found: unknown): unknown => {
    if (exposures !== undefined && exposureLists.includes(key)) return byId(found, exposures)
    return values !== undefined && key === "v" && typeof found === "string" ? byId([found], values)[0] : found
  }
  const entries = (map: Entries): Entries =>
    mapValues(map, entry => Object.fromEntries(Object.entries(entry).map(([key, found]) => [key, value(key, found)])))
  return {
    ...rest,
    feature_gates: entries(response.feature_gates),
    dynamic_configs: entries(response.dynamic_configs),
    layer_configs: entries(response.layer_configs)
  }
}

/** The same keys with other values. */
export const mapValues = <A, B>(
  record: Readonly<Record<string, A>>,
  change: (value: A, key: string) => B
): Readonly<Record<string, B>> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]))
