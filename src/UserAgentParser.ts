/**
 * Turns a user agent string into the four fields that `ua_based` conditions read.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * The parsed user agent. An unknown part is `"Other"` (names) or `"0.0.0"` (versions).
 *
 * @since 0.1.0
 */
export interface ParsedUserAgent {
  readonly osName: string
  readonly osVersion: string
  readonly browserName: string
  readonly browserVersion: string
}

/**
 * The parser that evaluation uses. It is called with the user's `userAgent`, at most 1,000 UTF-8 bytes long, on the
 * check path: it must be synchronous, linear in the input and must not throw.
 *
 * `undefined` means that the parser has no data (yet): the field is missing and the evaluation's reason becomes
 * `UAParserNotLoaded:Recognized`. What was decided from an answer may be kept with the user until the specs change;
 * what was decided without data is not.
 *
 * Layers: `statsig-effect/layers/UserAgentParser/Statsig` (default), `UapCore`, `UaParserJs`, `Disabled`.
 *
 * @since 0.1.0
 */
export class UserAgentParser extends Context.Tag("statsig-effect/UserAgentParser")<
  UserAgentParser,
  { readonly parse: (userAgent: string) => ParsedUserAgent | null | undefined }
>() {}
