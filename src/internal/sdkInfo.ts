/**
 * What the SDK says of itself, in headers and events alike.
 */
import { ofProcess } from "./ofProcess.js"

/**
 * The SDK's name and version; the version is that of `package.json`.
 *
 * @internal
 */
export const sdkType = "statsig-effect"

/** @internal */
export const sdkVersion = "0.1.0"

/**
 * How many characters of the SDK key metrics carry, as those of the official SDK do.
 *
 * @internal
 */
export const sdkKeyShown = 13

/**
 * One id for the process, which all instances share, as Statsig counts sessions of servers.
 *
 * @internal
 */
export const sessionID = (): string => ofProcess("sessionID/1", () => crypto.randomUUID())

/**
 * What every request says of the SDK, and of the program that runs it.
 *
 * @internal
 */
export const sdkHeaders = (serviceName: string | undefined) => ({
  "statsig-sdk-type": sdkType,
  "statsig-sdk-version": sdkVersion,
  "statsig-server-session-id": sessionID(),
  "x-request-service": headerText(serviceName ?? "unknown")
})

/** Headers hold printable ASCII only. */
const headerText = (text: string): string => text.replace(/[^\x20-\x7e]/gu, "?")

const operatingSystems: Readonly<Record<string, string>> = { linux: "linux", darwin: "macos", win32: "windows" }
const architectures: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64", ia32: "x86" }

/**
 * What events say of the SDK that sends them. What the runtime does not tell is left out.
 *
 * @internal
 */
export const statsigMetadata = (serviceName: string | undefined): Readonly<Record<string, string>> => {
  const runtime: Partial<Pick<NodeJS.Process, "arch" | "platform" | "versions">> = globalThis.process ?? {}
  const known = {
    sdkType,
    sdkVersion,
    sessionID: sessionID(),
    os: operatingSystems[runtime.platform ?? ""],
    arch: architectures[runtime.arch ?? ""],
    languageVersion: runtime.versions?.node,
    service_name: serviceName
  }
  return Object.fromEntries(Object.entries(known).filter((entry): entry is [string, string] => entry[1] !== undefined))
}
