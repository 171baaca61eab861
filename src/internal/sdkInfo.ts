/**
 * What the SDK says of itself, in headers and events alike.
 */
import * as GlobalValue from "effect/GlobalValue"

/**
 * The SDK's name and version; the version is that of `package.json`.
 *
 * @internal
 */
export const sdkType = "statsig-effect"

/** @internal */
export const sdkVersion = "0.1.0"

/**
 * One id for the process, which all instances share, as Statsig counts sessions of servers.
 *
 * @internal
 */
export const sessionID = (): string =>
  GlobalValue.globalValue(Symbol.for("statsig-effect/sessionID"), () => crypto.randomUUID())
