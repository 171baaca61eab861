/**
 * How the SDK identifies itself, in headers and events.
 */
import { ofProcess } from "./ofProcess.js"

/** The SDK's name and version; the version is that of `package.json`. */
export const sdkType = "statsig-effect"

export const sdkVersion = "0.1.0"

/** How many characters of the SDK key metrics contain, as in the official SDK. */
export const sdkKeyShown = 13

/** One id for the process, shared by all instances, as Statsig counts server sessions. */
export const sessionID = (): string => ofProcess("sessionID/1", () => crypto.randomUUID())

/** The headers of every request that identify the SDK, and the program that runs it. */
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

/** The SDK metadata in events. What the runtime does not provide is left out. */
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
