/**
 * The client initialize response: the evaluations of everything for one user, for a browser or an app that starts
 * without a request to Statsig. `Statsig.getClientInitializeResponse` returns it as text,
 * `Statsig.writeClientInitializeResponse` as bytes.
 *
 * Making it logs nothing: the client logs what it reads.
 *
 * @example
 * // On the server, in the page's HTML; `user` is what the client is made with.
 * const values = statsig.getClientInitializeResponse(user)
 * // In the page
 * client.dataAdapter.setData(values)
 * client.initializeSync()
 *
 * @since 0.1.0
 */
import { ResponseBuffer } from "./engine/byteBuffer.js"

export type {
  /**
   * Memory that responses are written into, one after the other. Make one with `makeBuffer`.
   *
   * @since 0.1.0
   */
  ResponseBuffer
} from "./engine/byteBuffer.js"
export type {
  /**
   * What a response contains and how it is encoded. `@statsig/js-client` needs none of these options.
   *
   * @since 0.1.0
   */
  ClientInitializeOptions
} from "./engine/clientInitialize/clientInitialize.js"
export type {
  /**
   * The shape of a response: entries in full, with exposures by id, or with exposures, values and keys shortened.
   * `@statsig/js-client` reads all of them.
   *
   * @since 0.1.0
   */
  ResponseFormat
} from "./engine/clientInitialize/text.js"
export type {
  /**
   * How names are encoded: a 32-bit hash, the base64 of a SHA-256, or not at all. `@statsig/js-client` reads `djb2` and
   * `none`.
   *
   * @since 0.1.0
   */
  HashAlgorithm
} from "./engine/hashing/nameHash.js"

/**
 * Makes a buffer. It grows to the size of the largest response and keeps it.
 *
 * @since 0.1.0
 */
export const makeBuffer = (): ResponseBuffer => new ResponseBuffer()
