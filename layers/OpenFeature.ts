/**
 * OpenFeature's provider for Effect programs: code that knows only OpenFeature's API gets its flags from the program's
 * own Statsig.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { Overrides } from "../src/Overrides.js"
import {
  type StatsigInstance,
  StatsigProvider,
  type StatsigProviderOptions
} from "../src/openfeature/StatsigProvider.js"
import { type Internals, internals } from "../src/promise/internals.js"
import { SpecStore } from "../src/SpecStore.js"
import { Statsig } from "../src/Statsig.js"

/**
 * A provider on the service. Closing it sends the logged events and leaves the service running, so that it can be
 * registered again until the scope ends.
 *
 * @example
 * const provider = yield* StatsigOpenFeature.make()
 * yield* Effect.promise(() => OpenFeature.setProviderAndWait(provider))
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: StatsigProviderOptions = {}
): Effect.fn.Return<StatsigProvider, never, Statsig | SpecStore | Overrides | Scope.Scope> {
  const statsig = yield* Statsig
  const store = yield* SpecStore
  const overrides = yield* Overrides
  const runtime = yield* Effect.runtime<never>()
  const run = Runtime.runPromise(runtime)
  let isRunning = true
  const instance: StatsigInstance & { readonly [internals]: Internals } = {
    [internals]: {
      statsig,
      store,
      overrides,
      status: () => Runtime.runSync(runtime)(statsig.status),
      idListStatus: () => Runtime.runSync(runtime)(statsig.idListStatus),
      isRunning: () => isRunning
    },
    initialize: () =>
      run(
        Effect.map(statsig.initialize, ({ failure, success }) => ({
          isSuccess: success,
          ...(Option.isSome(failure) ? { error: failure.value.message } : {})
        }))
      ),
    shutdown: () => run(Effect.as(statsig.flush, { isSuccess: true }))
  }
  return yield* Effect.acquireRelease(
    Effect.sync(() => new StatsigProvider(instance, options)),
    provider =>
      Effect.promise(() => {
        isRunning = false
        return provider.onClose()
      })
  )
})
