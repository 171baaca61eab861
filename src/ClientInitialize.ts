/**
 * The client initialize response: all answers for one user at once, for a browser or an app that starts without asking
 * Statsig. `Statsig.getClientInitializeResponse` gives it as a text, `Statsig.writeClientInitializeResponse` as bytes.
 *
 * Nothing is logged when it is made: the client logs what it reads.
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
   * What a response holds and how it is written. A response for `@statsig/js-client` needs none of it.
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
   * What names are replaced by: a 32-bit hash, the base64 of a SHA-256, or themselves. `@statsig/js-client` reads `djb2`
   * and `none`.
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
