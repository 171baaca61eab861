/**
 * Overrides in memory: what the program sets, gone with the layer.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { make, type Override, Overrides } from "../../src/Overrides.js"

/**
 * A new table for each time the layer is built, with these overrides in it.
 *
 * @since 0.1.0
 */
export const layer = (overrides: ReadonlyArray<Override> = []): Layer.Layer<Overrides> =>
  Layer.sync(Overrides, () => make(overrides))
