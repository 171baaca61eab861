/**
 * The options of `getClientInitializeResponse`, in the official package's form.
 *
 * @since 0.1.0
 */
import type { ClientInitializeOptions, HashAlgorithm, ResponseFormat } from "../ClientInitialize.js"
import { argumentError, asFlag, asText, asUnsigned } from "./argument.js"
import { members, type Reader, textSet } from "./StatsigOptions.js"

/**
 * The shapes of a client initialize response: entries in full, with exposures by id, or with exposures, values and keys
 * shortened. `@statsig/js-client` reads all of them.
 *
 * @since 0.1.0
 */
export const GCIRResponseFormat = { Initialize: 0, InitializeWithSecondaryExposureMapping: 1, InitializeV2: 2 } as const

/**
 * The shape of a client initialize response.
 *
 * @since 0.1.0
 */
export type GCIRResponseFormat = (typeof GCIRResponseFormat)[keyof typeof GCIRResponseFormat]

/**
 * What a client initialize response contains and how it is encoded.
 *
 * @since 0.1.0
 */
export interface ClientInitResponseOptions {
  /** How names are hashed: `djb2`, `sha256` or `none`; any other value means `djb2`, the default. */
  hashAlgorithm?: string
  /** Leaves out what does not target the app of this client key. */
  clientSdkKey?: string
  /** Whether local overrides apply. Default: false. */
  includeLocalOverrides?: boolean
  /** The names to include, of each kind; all of them by default. */
  featureGateFilter?: Set<string>
  experimentFilter?: Set<string>
  dynamicConfigFilter?: Set<string>
  layerFilter?: Set<string>
  paramStoreFilter?: Set<string>
  /** Leaves out the id types. Default: false. */
  removeIdType?: boolean
  /** Leaves out gates that are closed by default and have no nested gates. Default: false. */
  removeDefaultValueGates?: boolean
  /** Default: `GCIRResponseFormat.Initialize`. */
  responseFormat?: GCIRResponseFormat
  /** The `full_checksum` of the response that the client holds: if nothing changed, it gets a blank response. */
  previousResponseHash?: string
}

const formats = Object.keys(GCIRResponseFormat) as ReadonlyArray<ResponseFormat>

const responseFormat: Reader<ResponseFormat> = (value, where) => {
  const format = formats[asUnsigned(value, where)]
  if (format === undefined) throw argumentError("InvalidArg", `${where}: expected 0, 1 or 2`)
  return format
}

/** Only these spellings are accepted. */
const hashAlgorithms: ReadonlyMap<string, HashAlgorithm> = new Map(
  (["djb2", "none", "sha256"] as const).flatMap(algorithm =>
    [algorithm, algorithm.toUpperCase(), algorithm[0]?.toUpperCase() + algorithm.slice(1)].map(
      spelling => [spelling, algorithm] as const
    )
  )
)

const hashAlgorithm: Reader<HashAlgorithm> = (value, where) => hashAlgorithms.get(asText(value, where)) ?? "djb2"

const readResponseOptions = members<ClientInitializeOptions>({
  hashAlgorithm,
  clientSdkKey: asText,
  includeLocalOverrides: asFlag,
  featureGateFilter: textSet,
  experimentFilter: textSet,
  dynamicConfigFilter: textSet,
  layerFilter: textSet,
  paramStoreFilter: textSet,
  removeIdType: asFlag,
  removeDefaultValueGates: asFlag,
  responseFormat,
  previousResponseHash: asText
})

/**
 * Checks the options of a call. Anything but an object means no options.
 *
 * @internal
 */
export const clientInitializeOptions = (options: unknown): ClientInitializeOptions =>
  readResponseOptions(options ?? {}, "ClientInitResponseOptions")
