/**
 * A program's observability object as the `ObservabilityClient` service.
 *
 * Its members may be missing or throw: that costs the measurement, not the SDK. They are called on the object, and never
 * from within a check.
 */
import type { Client, MetricTags } from "../ObservabilityClient.js"
import type { ObservabilityClient } from "./StatsigOptions.js"

/** Tags that take too many values for most systems: they are sent only where the program says so. */
const highCardinality: ReadonlyArray<string> = ["lcut", "prev_lcut"]

/** Makes the service, and initialises the object. */
export const clientFromProgram = (program: ObservabilityClient): Client => {
  const later = (call: () => void) =>
    queueMicrotask(() => {
      try {
        call()
      } catch {
        // The program's own trouble.
      }
    })

  const allowed = (tag: string): boolean => {
    try {
      return program.shouldEnableHighCardinalityForThisTag?.(tag) === true
    } catch {
      return false
    }
  }

  /** The declared type has no `null`, which the official package gives where a metric has no tags. */
  const shown = (tags: MetricTags | undefined): Record<string, string> => {
    if (tags === undefined) return null as unknown as Record<string, string>
    const names = Object.keys(tags).filter(tag => !highCardinality.includes(tag) || allowed(tag))
    return Object.fromEntries(names.map(tag => [tag, tags[tag] as string]))
  }

  later(() => program.initialize?.())
  return {
    increment: (name, value, tags) => later(() => program.increment?.(name, value, shown(tags))),
    gauge: (name, value, tags) => later(() => program.gauge?.(name, value, shown(tags))),
    distribution: (name, value, tags) => later(() => program.dist?.(name, value, shown(tags))),
    error: (tag, error) => later(() => program.error?.(tag, error))
  }
}
