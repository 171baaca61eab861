/**
 * Events of the official package and of this one, made comparable.
 */

/** A JSON value as it was sent. */
export type SentJson = string | number | boolean | null | ReadonlyArray<SentJson> | { readonly [key: string]: SentJson }

/** One event as it was sent. */
export interface SentEvent {
  readonly eventName: string
  readonly metadata: { readonly [key: string]: SentJson } | null
  readonly [key: string]: SentJson
}

/** What differs between processes, times and SDKs. */
const volatile = new Set(["time", "receivedAt"])

/** Members of `metadata` that are JSON in a text, in any order. */
const nestedJson: Readonly<Record<string, (text: string) => SentJson>> = {
  checks: text => JSON.parse(text),
  // Without times, hosts, a server's content type of list files, and the SDK key, which this package masks.
  markers: text =>
    JSON.parse(text, (key, value) => {
      if (key === "timestamp") return 0
      if (value?.key === "get_id_list") return { ...value, contentType: null }
      return key === "url" ? String(value).replace(/^http:\/\/[^/]+|secret-[\w*]+/g, "") : value
    })
}

/** A copy with sorted keys; without what the official package loses on its way. */
const sorted = (value: SentJson): SentJson => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(sorted)
  const entries = Object.entries(value).filter(([key]) => key !== "__proto__")
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => [key, sorted(member)]))
}

/** The event without times and the name of the SDK. */
export const comparable = (event: SentEvent): SentEvent => {
  const metadata =
    event.metadata === null
      ? null
      : Object.fromEntries(
          Object.entries(event.metadata).flatMap(([key, value]) => {
            if (volatile.has(key) || (key === "source" && event.eventName === "statsig::log_line")) return []
            return [[key, nestedJson[key]?.(String(value)) ?? value]]
          })
        )
  return sorted({ ...event, metadata, time: 0 }) as SentEvent
}

/** How often each event occurs. */
const countEvents = (events: ReadonlyArray<SentEvent>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const event of events) {
    const text = JSON.stringify(comparable(event))
    counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  return counts
}

/** The events that one side has more often, as text with the difference. */
const missingIn = (counts: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): ReadonlyArray<string> =>
  [...counts].flatMap(([text, count]) => {
    const missing = count - (other.get(text) ?? 0)
    return missing > 0 ? [`${missing} × ${text}`] : []
  })

const hasFailed = ({ metadata }: SentEvent): boolean => String(metadata?.["reason"]).startsWith("Error:")

/**
 * Diagnostics are compared elsewhere. The official package logs an empty name under different keys, depending on the
 * call and on whether there is such a spec; and it logs an empty name for a gate in a cycle.
 */
const isCompared = (event: SentEvent): boolean =>
  event.eventName !== "statsig::diagnostics" &&
  event.metadata?.["gate"] !== "" &&
  event.metadata?.["config"] !== "" &&
  !hasFailed(event)

const notExposed = "statsig::non_exposed_checks"

/**
 * The events, and how often each name was checked without an exposure, over all batches. The official package counts
 * differently when the evaluation of a layer fails.
 */
const tally = (events: ReadonlyArray<SentEvent>, countNotExposed: boolean): ReadonlyMap<string, number> => {
  const counts = new Map(countEvents(events.filter(event => event.eventName !== notExposed && isCompared(event))))
  for (const event of countNotExposed ? events : []) {
    if (event.eventName !== notExposed) continue
    for (const [name, count] of Object.entries(comparable(event).metadata?.["checks"] ?? {})) {
      const key = `not exposed: ${JSON.stringify(name)}`
      counts.set(key, (counts.get(key) ?? 0) + Number(count))
    }
  }
  return counts
}

/** Whether it is the exposure of a sticky assignment. */
export const isOfKeptAnswer = ({ metadata }: SentEvent): boolean => metadata?.["reason"] === "Persisted"

/** The events of both packages, compared as multisets; `compared` are the official events that count. */
export const compareEvents = (
  expected: ReadonlyArray<SentEvent>,
  actual: ReadonlyArray<SentEvent>
): {
  readonly compared: ReadonlyArray<SentEvent>
  readonly missing: ReadonlyArray<string>
  readonly unexpected: ReadonlyArray<string>
} => {
  const countNotExposed = !expected.some(hasFailed)
  const [wanted, given] = [tally(expected, countNotExposed), tally(actual, countNotExposed)]
  return {
    compared: expected.filter(isCompared),
    missing: missingIn(wanted, given),
    unexpected: missingIn(given, wanted)
  }
}
