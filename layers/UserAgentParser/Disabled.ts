/**
 * No user agent parsing (`disableUserAgentParsing`).
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { UserAgentParser } from "../../src/UserAgentParser.js"

/**
 * A parser that returns nothing: the fields of `ua_based` conditions are missing unless the user has them.
 *
 * @since 0.1.0
 */
export const parser: UserAgentParser["Type"] = { parse: () => null }

/**
 * That parser as a layer.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<UserAgentParser> = /* @__PURE__ */ Layer.succeed(UserAgentParser, parser)
