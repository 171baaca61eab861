/**
 * No countries from addresses (`disableCountryLookup`).
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { CountryLookup } from "../../src/CountryLookup.js"

/**
 * The answer where there is no table: `undefined` for a text of four parts with dots between, whatever the parts are,
 * for the official lookup would ask its table then; null for any other text.
 *
 * @since 0.1.0
 */
export const lookup = (ip: string): null | undefined => (ip.split(".", 5).length === 4 ? undefined : null)

/**
 * A lookup without a table: conditions on the country of an address see no value, and say
 * `CountryLookupNotLoaded:Recognized`.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<CountryLookup> = /* @__PURE__ */ Layer.succeed(CountryLookup, { lookup })
