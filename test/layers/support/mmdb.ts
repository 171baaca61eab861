/**
 * Writes small MMDB files: a search tree with records of 24 bits, 16 zero bytes, the data section, the marker and the
 * metadata, as the format's specification lays them out.
 */

type Value = string | number | boolean | ReadonlyArray<Value> | { readonly [key: string]: Value }

/** A control byte, for sizes below 29 or, with one byte more, below 285. */
const control = (type: number, size: number): Array<number> => {
  const field = Math.min(size, 29)
  return [((type < 8 ? type : 0) << 5) | field, ...(type < 8 ? [] : [type - 7]), ...(size < 29 ? [] : [size - 29])]
}

const encode = (value: Value): Array<number> => {
  if (typeof value === "string") {
    const bytes = Buffer.from(value)
    return [...control(2, bytes.length), ...bytes]
  }
  if (typeof value === "boolean") return control(14, value ? 1 : 0)
  if (typeof value === "number")
    return [...control(6, 4), value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
  if (Array.isArray(value)) return [...control(11, value.length), ...value.flatMap(encode)]
  const fields = Object.entries(value)
  return [...control(7, fields.length), ...fields.flatMap(([key, field]) => [...encode(key), ...encode(field)])]
}

/** The bits of a network: `8.8.8.0/24`, or a literal text of bits (`::` networks are written so). */
const bitsOf = (network: string): string => {
  if (!network.includes(".")) return network
  const [address, length] = network.split("/")
  const bits = address!
    .split(".")
    .map(part => Number(part).toString(2).padStart(8, "0"))
    .join("")
  return bits.slice(0, Number(length))
}

/** The bits of an IPv6 network whose first groups are written in full: `2001:4860` is `2001:4860::/32`. */
export const ipv6 = (groups: string): string =>
  groups
    .split(":")
    .map(group => Number.parseInt(group, 16).toString(2).padStart(16, "0"))
    .join("")

interface Node {
  left: Node | number | null
  right: Node | number | null
}

/** The bytes of a file that maps the networks to the records. IPv4 networks in an IPv6 file go to `::/96`. */
export const mmdb = (
  ipVersion: 4 | 6,
  networks: ReadonlyArray<readonly [network: string, record: Value]>,
  metadata: { readonly [key: string]: Value } = {}
): Buffer => {
  const root: Node = { left: null, right: null }
  const nodes: Array<Node> = [root]
  const data: Array<number> = []
  for (const [network, record] of networks) {
    const bits = (ipVersion === 6 && network.includes(".") ? "0".repeat(96) : "") + bitsOf(network)
    let node = root
    for (let at = 0; at < bits.length - 1; at++) {
      const side = bits[at] === "0" ? "left" : "right"
      let next = node[side]
      if (next === null || typeof next === "number") {
        next = { left: null, right: null }
        nodes.push(next)
        node[side] = next
      }
      node = next
    }
    node[bits.at(-1) === "0" ? "left" : "right"] = data.length
    data.push(...encode(record))
  }
  const position = (target: Node | number | null): Array<number> => {
    const value =
      target === null ? nodes.length : typeof target === "number" ? nodes.length + 16 + target : nodes.indexOf(target)
    return [(value >>> 16) & 255, (value >>> 8) & 255, value & 255]
  }
  return Buffer.from([
    ...nodes.flatMap(node => [...position(node.left), ...position(node.right)]),
    ...new Array<number>(16).fill(0),
    ...data,
    0xab,
    0xcd,
    0xef,
    ...Buffer.from("MaxMind.com"),
    ...encode({
      binary_format_major_version: 2,
      binary_format_minor_version: 0,
      build_epoch: 1_700_000_000,
      database_type: "Test-Country",
      description: { en: "test" },
      ip_version: ipVersion,
      languages: ["en"],
      node_count: nodes.length,
      record_size: 24,
      ...metadata
    })
  ])
}
