/**
 * Which hosts are requested through a proxy of the environment: those that the official package, which runs alongside,
 * requests through its proxy. It reads the environment once, so each environment needs a process.
 */
import { fileURLToPath } from "node:url"
import { afterEach, describe, expect, it, vi } from "vitest"
import { environmentProxy } from "../../layers/internal/environmentProxy.js"
import { runAlone } from "./support/alone.js"

const program = fileURLToPath(new URL("support/proxyChoices.ts", import.meta.url))

/** Nobody listens at port 7. */
const urlsOf = (hosts: ReadonlyArray<string>) => hosts.map(host => `http://${host}:7`)

type Environment = Readonly<Record<string, string>>

const expectTheSame = async (env: Environment, urls: ReadonlyArray<string>) => {
  const { code, output } = await runAlone(program, [JSON.stringify({ env, urls })])
  expect(code).toBe(0)
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"]) {
    vi.stubEnv(name, undefined)
    vi.stubEnv(name.toLowerCase(), undefined)
  }
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value.replaceAll("PROXY", "proxy.test:8080"))
  const ours = urls.filter(url => environmentProxy(new URL(url))?.includes("proxy.test:8080"))
  expect(ours).toEqual(JSON.parse(output))
}

afterEach(() => void vi.unstubAllEnvs())

/** Possible list items, with hosts that they may match. */
const items: ReadonlyArray<readonly [item: string, ...hosts: ReadonlyArray<string>]> = [
  // Addresses.
  ["127.0.0.1", "127.0.0.1", "127.0.0.2", "[::ffff:127.0.0.1]"],
  ["127.0.1.01", "127.0.1.1"],
  ["127.0.2.1:7", "127.0.2.1"],
  ["0:0:0:0:0:0:0:1", "[::1]", "[::2]"],
  ["[fd00::1]", "[fd00::1]"],
  ["::ffff:127.0.3.1", "127.0.3.1", "[::ffff:127.0.3.1]"],
  // Blocks of addresses.
  ["127.1.0.0/16", "127.1.0.1", "127.1.255.255", "127.2.0.0"],
  ["127.3.4.5/16", "127.3.1.1"],
  ["127.4.0.2/31", "127.4.0.1", "127.4.0.2", "127.4.0.3", "127.4.0.4"],
  ["127.5.0.1/32", "127.5.0.1", "127.5.0.2"],
  ["127.6.0.0/33", "127.6.0.1"],
  ["127.7/16", "127.7.0.1"],
  ["127.8.0.0/016", "127.8.0.1"],
  ["127.9.0.0/0016", "127.9.0.1"],
  ["127.10.0.0/+16", "127.10.0.1"],
  ["127.11.0.1/", "127.11.0.1"],
  ["127.12.0.0/ 16", "127.12.0.1"],
  ["127.13.0.0/255.255.0.0", "127.13.0.1"],
  ["127.14.00.1/16", "127.14.0.1"],
  ["127.15.0.0/08", "127.15.0.1"],
  ["fe80::/10", "[fe80::1]", "[febf::1]", "[fec0::1]"],
  ["fd01::/129", "[fd01::1]"],
  ["fd02::/016", "[fd02::1]"],
  ["::ffff:127.16.0.0/112", "127.16.0.1", "[::ffff:127.16.0.1]"],
  ["fe80::1%1/64", "[fec1::1]"],
  // Domains.
  ["localhost", "localhost"],
  ["a.test", "a.test", "sub.a.test", "xa.test", "A.TEST", "a.test."],
  [".b.test", "b.test", "sub.b.test", "xb.test"],
  ["*.c.test", "c.test", "sub.c.test"],
  ["D.test", "d.test"],
  ["e.test.", "e.test", "e.test."],
  ["f.test:7", "f.test"],
  ["g.test h.test", "g.test", "h.test"],
  ["http://i.test", "i.test"],
  ["..j.test", "j.test", "sub.j.test"],
  [" \tk.test ", "k.test"],
  ["", "l.test"]
]

describe("NO_PROXY", () => {
  it.each<readonly [name: string, list: string, hosts: ReadonlyArray<string>]>([
    ["lists addresses, blocks and domains", items.map(([item]) => item).join(","), items.flatMap(([, ...it]) => it)],
    ["covers all domains and no address by *", "m.test, *", ["127.0.0.1", "[::1]", "localhost", "a.test"]],
    [
      "covers all addresses of a kind by a block of all",
      "0.0.0.0/0",
      ["127.0.0.1", "[::1]", "[::ffff:1.1.1.1]", "a.test"]
    ],
    ["covers all addresses of the other kind, too", "::/0,.", ["127.0.0.1", "[::1]", "[::ffff:1.1.1.1]", "a.test."]]
  ])("%s", (_, NO_PROXY, hosts) => expectTheSame({ HTTP_PROXY: "http://PROXY", NO_PROXY }, urlsOf(hosts)), 120_000)
})

const nowhere = "http://127.0.0.1:1"

describe("the proxy variables", () => {
  it.each<readonly [name: string, env: Environment]>([
    ["are missing", {}],
    ["are read in lower case", { http_proxy: "http://PROXY", https_proxy: "PROXY", no_proxy: "b.test" }],
    [
      "in upper case take precedence",
      { HTTP_PROXY: "PROXY", http_proxy: nowhere, HTTPS_PROXY: nowhere, https_proxy: "PROXY" }
    ],
    ["are ignored when empty", { HTTP_PROXY: "", http_proxy: "PROXY", HTTPS_PROXY: " ", https_proxy: "PROXY" }],
    ["an empty NO_PROXY counts", { HTTP_PROXY: "PROXY", NO_PROXY: "", no_proxy: "a.test" }],
    ["NO_PROXY goes before no_proxy", { HTTP_PROXY: "PROXY", NO_PROXY: "b.test", no_proxy: "a.test" }],
    ["ALL_PROXY stands in for each", { ALL_PROXY: "http://PROXY", HTTP_PROXY: nowhere }],
    ["all_proxy does, too", { all_proxy: "http://PROXY", HTTPS_PROXY: nowhere }],
    ["ALL_PROXY goes before all_proxy", { ALL_PROXY: nowhere, all_proxy: "http://PROXY" }],
    ["HTTP_PROXY does not count in a CGI program", { HTTP_PROXY: "PROXY", HTTPS_PROXY: "PROXY", REQUEST_METHOD: "" }],
    ["http_proxy does not, but ALL_PROXY", { http_proxy: nowhere, ALL_PROXY: "PROXY", REQUEST_METHOD: "GET" }],
    [
      "schemes are read in any case, paths left out",
      { HTTP_PROXY: "HTTP://PROXY/a?b", HTTPS_PROXY: "  http://PROXY " }
    ],
    [
      "are ignored with other schemes",
      { HTTP_PROXY: "socks5://a:1", http_proxy: "PROXY", HTTPS_PROXY: "ftp://a", ALL_PROXY: "PROXY" }
    ],
    [
      "are ignored without a valid URL",
      { HTTP_PROXY: "http://", http_proxy: "PROXY", HTTPS_PROXY: "http://a:x", https_proxy: "PROXY" }
    ]
  ])("%s", (_, env) => expectTheSame(env, ["http://a.test:7", "https://a.test:7", "http://b.test:7"]), 120_000)
})
