/**
 * Has one large body after another refused, and prints how much memory outside the heap holds of them: at its peak,
 * after the refusal, after successful syncs, and after the shutdown. In megabytes above the start.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { brotliCompressSync, constants, gzipSync } from "node:zlib"
import { BinaryWriter } from "@bufbuild/protobuf/wire"
import { Statsig } from "../../../layers/promise.js"
import { protobufHeaders } from "../../layers/support/protobuf.js"
import { payload as specs } from "../../layers/support/specs.js"

const megabyte = 1024 * 1024
const limit = 32 * megabyte
const many = 6 * limit

const collect = (globalThis as unknown as { readonly gc: () => void }).gc
const external = () => process.memoryUsage().external
const held = () => {
  collect()
  collect()
  return external()
}

/** Envelopes of an unknown kind. */
const envelopes = () => {
  const data = new BinaryWriter().tag(1, 0).int32(99).tag(4, 2).bytes(new Uint8Array(megabyte)).finish()
  const stream = new BinaryWriter()
  for (let size = 0; size < many; size += megabyte) stream.bytes(data)
  return stream.finish()
}

type Body = readonly [headers: Record<string, string>, parts: ReadonlyArray<Uint8Array>]

const fast = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }
const text = Buffer.alloc(megabyte, 97)

/** They are made before the measurement. */
const bodies: Readonly<Record<string, Body>> = {
  "truncated JSON": [{}, [Buffer.from('{"has_updates":true,"feature_gates":{"a":"'), ...new Array(30).fill(text)]],
  gzip: [{ "content-encoding": "gzip" }, [gzipSync(Buffer.alloc(many, 97))]],
  brotli: [{ "content-encoding": "br" }, [brotliCompressSync(Buffer.alloc(many, 97), fast)]],
  protobuf: [protobufHeaders, [brotliCompressSync(envelopes(), fast)]]
}

let answer: Body | undefined
let time = 1
const server = createServer((_request, response) => {
  if (answer === undefined) {
    response.end(specs({ time: time++, checksum: String(time) }))
    return
  }
  const [headers, parts] = answer
  response.writeHead(200, headers)
  for (const part of parts) response.write(part)
  response.end()
}).listen(0, "127.0.0.1")
await new Promise(resolve => server.once("listening", resolve))
const specsUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/download_config_specs`

const make = () =>
  new Statsig("secret-key", {
    specsUrl,
    specsSyncIntervalMs: 3_600_000,
    initTimeoutMs: 120_000,
    disableAllLogging: true,
    outputLogLevel: "none",
    enableDcsDeltas: true,
    maxSpecsBytes: limit
  })

/** The first run also loads code. */
const run = async (name: string) => {
  const start = held()
  const statsig = make()
  let peak = 0
  const watch = setInterval(() => {
    peak = Math.max(peak, external())
  }, 1)
  answer = bodies[name]
  const { error, isSuccess } = await statsig.initialize()
  clearInterval(watch)
  const refused = held()
  answer = undefined
  for (let sync = 0; sync < 3; sync++) if (!(await statsig.syncNow()).isSuccess) throw new Error("a good sync failed")
  const synced = held()
  await statsig.shutdown()
  const ended = held()
  const grown = [peak, refused, synced, ended].map(size => Math.round((size - start) / megabyte))
  return { name, isSuccess, error, grown }
}

await run("gzip")
const results = []
for (const name of Object.keys(bodies)) results.push(await run(name))
console.log(JSON.stringify(results))
process.exit(0)
