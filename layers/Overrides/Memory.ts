/**
 * Overrides in memory: set by the program, lost with the layer.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { make, type Override, Overrides } from "../../src/Overrides.js"

/**
 * A new table per build of the layer, with these overrides.
 *
 * @since 0.1.0
 */
export const layer = (overrides: ReadonlyArray<Override> = []): Layer.Layer<Overrides> =>
  Layer.sync(Overrides, () => make(overrides))
