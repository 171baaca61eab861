/**
 * No country lookup (`disableCountryLookup`).
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { CountryLookup } from "../../src/CountryLookup.js"

/**
 * The result without a table: `undefined` for a text of four parts separated by dots, whatever they are, because the
 * official lookup would use its table then; null for any other text.
 *
 * @since 0.1.0
 */
export const lookup = (ip: string): null | undefined => (ip.split(".", 5).length === 4 ? undefined : null)

/**
 * A lookup without a table: conditions on the country of an address get no value and report
 * `CountryLookupNotLoaded:Recognized`.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<CountryLookup> = /* @__PURE__ */ Layer.succeed(CountryLookup, { lookup })
