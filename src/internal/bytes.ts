/**
 * Checks and compares many bytes. Node does it at memory speed; elsewhere this module does it.
 */
import type { Before } from "../engine/payload/body.js"

/** Looked up on the process, so that this module also loads without Node. Since Node 20.16. */
const node = globalThis.process?.getBuiltinModule?.("node:buffer")

const fatal = new TextDecoder("utf-8", { fatal: true })

/** Whether the bytes are well-formed UTF-8. */
export const isUtf8 = (bytes: Uint8Array): boolean => {
  if (node !== undefined) return node.isUtf8(bytes)
  try {
    fatal.decode(bytes)
    return true
  } catch {
    return false
  }
}

/** Compares parts of a payload with parts of the previous one. */
export const sameParts = (bytes: Uint8Array, before: Uint8Array = new Uint8Array(0)): Before["isSame"] => {
  if (node === undefined) return compareEach(bytes, before)
  const here = node.Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return (at, start, end) => here.compare(before, start, end, at, at + end - start) === 0
}

/** As `sameParts`, byte by byte. */
export const compareEach =
  (bytes: Uint8Array, before: Uint8Array): Before["isSame"] =>
  (at, start, end) => {
    if (end > before.length || at + end - start > bytes.length) return false
    const shift = at - start
    for (let i = start; i < end; i++) if (bytes[i + shift] !== before[i]) return false
    return true
  }
