/**
 * Adapts a program's observability object to the `ObservabilityClient` service.
 *
 * Its members may be missing or throw: that affects only the measurement, not the SDK. They are called on the object,
 * and never within a check.
 */
import { soon } from "../internal/timers.js"
import type { Client, MetricTags } from "../ObservabilityClient.js"
import type { ObservabilityClient } from "./StatsigOptions.js"

/** Makes the service, and initializes the object. */
export const clientFromProgram = (program: ObservabilityClient): Client => {
  const later = (call: () => void) =>
    soon(() => {
      try {
        call()
      } catch {
        // Errors of the program's object are ignored.
      }
    })

  /** The declared type has no `null`, which the official package passes for a metric without tags. */
  const shown = (tags: MetricTags | undefined) => (tags === undefined ? null : { ...tags }) as Record<string, string>

  later(() => program.initialize?.())
  return {
    increment: (name, value, tags) => later(() => program.increment?.(name, value, shown(tags))),
    gauge: (name, value, tags) => later(() => program.gauge?.(name, value, shown(tags))),
    distribution: (name, value, tags) => later(() => program.dist?.(name, value, shown(tags))),
    error: (tag, error) => later(() => program.error?.(tag, error)),
    allowsHighCardinality: tag => program.shouldEnableHighCardinalityForThisTag?.(tag) === true
  }
}
