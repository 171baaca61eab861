/**
 * The proxy set in the environment, interpreted as in the official package (`reqwest` 0.12): a process uses the same
 * proxies with both.
 *
 * `HTTP_PROXY`, `HTTPS_PROXY` and, if they are not set, `ALL_PROXY` set the proxy of a scheme. The upper-case name
 * takes precedence over the lower-case one, unless its value is empty or is not an HTTP proxy. A value without a scheme
 * means `http`. In a CGI program, which has `REQUEST_METHOD`, `HTTP_PROXY` is a request header and is ignored.
 */
import { BlockList, isIP } from "node:net"
import { environmentVariable } from "../../src/internal/environment.js"

/** The URL of the proxy for a request to this URL, if any. */
export const environmentProxy = (url: URL): string | undefined => {
  const isCgi = environmentVariable("REQUEST_METHOD") !== undefined
  const own = url.protocol === "https:" ? proxyOf("HTTPS_PROXY") : isCgi ? undefined : proxyOf("HTTP_PROXY")
  const proxy = own ?? proxyOf("ALL_PROXY")
  return proxy === undefined || isExcepted(url.hostname) ? undefined : proxy
}

const proxyOf = (name: string): string | undefined =>
  usableProxy(environmentVariable(name)) ?? usableProxy(environmentVariable(name.toLowerCase()))

const usableProxy = (text = ""): string | undefined => {
  if (text.trim() === "") return undefined
  const url = text.includes("://") ? text : `http://${text}`
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) ? url : undefined
}

/** The entries of `NO_PROXY`: addresses, blocks of addresses (`10.0.0.0/8`, `fd00::/8`), and domains. */
interface Exceptions {
  /** Separate, since a list with both treats `::ffff:10.0.0.1` as an IPv4 address. */
  readonly ipv4: BlockList
  readonly ipv6: BlockList
  readonly domains: ReadonlyArray<string>
}

const exceptionsOf = (list: string): Exceptions => {
  const ipv4 = new BlockList()
  const ipv6 = new BlockList()
  const domains: Array<string> = []
  const items = list === "" ? [] : list.split(",").map(item => item.trim())
  for (const item of items) {
    const [address = "", prefix] = item.split("/")
    const bits = isIP(address) === 4 ? 32 : 128
    const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
    if (isIP(address) === 0 || address.includes("%") || !(length <= bits)) {
      domains.push(item)
    } else if (bits === 32) ipv4.addSubnet(address, length, "ipv4")
    else ipv6.addSubnet(address, length, "ipv6")
  }
  return { ipv4, ipv6, domains }
}

/** The last parsed list: it seldom changes. */
let known: { readonly list: string; readonly exceptions: Exceptions } | undefined

const isExcepted = (hostname: string): boolean => {
  const list = environmentVariable("NO_PROXY") ?? environmentVariable("no_proxy") ?? ""
  if (known?.list !== list) known = { list, exceptions: exceptionsOf(list) }
  const { domains, ipv4, ipv6 } = known.exceptions
  const host = hostname.replace(/^\[(.*)\]$/, "$1")
  if (isIP(host) === 4) return ipv4.check(host, "ipv4")
  return isIP(host) === 6 ? ipv6.check(host, "ipv6") : domains.some(domain => covers(domain, host))
}

/**
 * A domain covers itself and its subdomains, with or without a leading dot. `*` covers all domains, but no address. An
 * empty item covers names that end in a dot, as in the official package.
 */
const covers = (domain: string, host: string): boolean =>
  domain === "*" ||
  domain === host ||
  domain === `.${host}` ||
  host.endsWith(domain.startsWith(".") ? domain : `.${domain}`)
