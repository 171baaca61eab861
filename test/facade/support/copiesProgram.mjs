/**
 * A program that loads this package twice. Prints how the first copy treats users of both, and what else they share.
 * Its arguments are the two copies, as URLs or as paths for `require`, and a file with specs.
 */
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import { createRequire } from "node:module"
import * as zlib from "node:zlib"

const [firstPlace, secondPlace, specsFile] = process.argv.slice(2)
const globalsBefore = new Set(Reflect.ownKeys(globalThis))
const load = place => (place.startsWith("file:") ? import(place) : createRequire(import.meta.url)(place))
const first = await load(firstPlace)
const second = await load(secondPlace)

const events = []
const server = createServer((request, response) => {
  const parts = []
  request.on("data", part => parts.push(part))
  request.on("end", () => {
    const body = Buffer.concat(parts)
    const decode = request.headers["content-encoding"] === "zstd" ? zlib.zstdDecompressSync : zlib.gunzipSync
    events.push(...JSON.parse(decode(body)).events)
    response.writeHead(202).end('{"success":true}')
  })
})
await new Promise(resolve => server.listen(0, "127.0.0.1", resolve))
server.unref()

const result = readFileSync(specsFile, "utf8")
const options = {
  dataStore: { initialize: async () => {}, get: async () => ({ result }), supportPollingUpdatesFor: async () => true },
  logEventUrl: `http://127.0.0.1:${server.address().port}/v1/log_event`,
  disableCountryLookup: true
}

const start = async () => {
  const statsig = new first.Statsig("secret-key", options)
  await statsig.initialize()
  return statsig
}

/** All results that an instance returns and logs for a user, without the times. */
const seen = async user => {
  const statsig = await start()
  const layer = statsig.getLayer(user, "delegating")
  const buffer = new second.ResponseBuffer()
  const answers = [
    ...["gate_on", "gate_off", "staging", "pro", "company", "chrome", "ghost"].map(name =>
      statsig.getFeatureGate(user, name)
    ),
    statsig.checkGate(user, "pro"),
    statsig.getDynamicConfig(user, "config"),
    statsig.getExperiment(user, "experiment"),
    [layer, layer.get("color", "")],
    statsig.getParameterStore(user, "store").getValue("layer"),
    statsig.explain(user, "gate", "pro"),
    statsig.getClientInitializeResponse(user),
    Buffer.from(statsig.writeClientInitializeResponse(user, buffer)).toString(),
    statsig.getParsedUserAgentValueForUser(user),
    user.toJSON()
  ]
  statsig.logEvent(user, "bought", 3, { item: "shoe" })
  statsig.identify(user)
  statsig.manuallyLogFeatureGateExposure(user, "gate_off")
  await statsig.shutdown()
  const moments = /\b\d{13}\b/g
  return JSON.parse(JSON.stringify({ answers, events: events.splice(0) }).replace(moments, "0"))
}

const fields = {
  userID: "u",
  customIDs: { companyID: "42" },
  email: "u@example.com",
  userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
  country: "NZ",
  custom: { plan: "pro", list: [1, "a"] },
  privateAttributes: { age: 40 },
  statsigEnvironment: { tier: "staging" }
}
const own = await seen(new first.StatsigUser(fields))
const foreign = await seen(new second.StatsigUser(fields))

/** Changes to a user of the other copy count at the next check, and an instance of a subclass is a user too. */
const changes = async () => {
  const statsig = await start()
  const user = new (class Mine extends second.StatsigUser {})({ userID: "u" })
  const answers = [statsig.checkGate(user, "pro")]
  user.custom = { plan: "pro" }
  answers.push(statsig.checkGate(user, "pro"))
  await statsig.shutdown()
  return answers
}

const shared = () => {
  const instance = first.Statsig.newShared("secret-key", options)
  const found = [second.Statsig.hasShared(), second.Statsig.shared() === instance]
  second.Statsig.removeSharedInstance()
  return [...found, first.Statsig.hasShared()]
}

const instances = () => {
  class Mine extends first.StatsigUser {}
  const user = new second.StatsigUser({ userID: "u" })
  const { statsig } = second.makeStatsigTest()
  return {
    user: user instanceof first.StatsigUser,
    statsig: statsig instanceof first.Statsig,
    gate: statsig.getFeatureGate(user, "ghost") instanceof first.FeatureGate,
    layer: statsig.getLayer(user, "ghost") instanceof first.Layer,
    layerAsGate: statsig.getLayer(user, "ghost") instanceof first.FeatureGate,
    plain: { userID: "u" } instanceof first.StatsigUser,
    ownSubclass: new Mine({ userID: "u" }) instanceof Mine,
    otherAsSubclass: user instanceof Mine
  }
}

/** The error of a check that refuses the user. */
const refused = async user => {
  const lines = []
  const { error } = console
  console.error = (...line) => lines.push(line.map(item => item?.message ?? String(item)).join(" "))
  const statsig = await start()
  const answer = statsig.checkGate(user, "pro")
  console.error = error
  await statsig.shutdown()
  return [answer, ...lines]
}

class Later extends second.StatsigUser {}
Object.defineProperty(Later.prototype, Symbol.for("statsig-effect/StatsigUser"), { value: 2 })

/** A line passed through the second copy to an instance of the first, which captures the console. */
const captured = async () => {
  const { warn } = console
  const statsig = new first.Statsig("secret-key", { ...options, consoleCaptureOptions: { enabled: true } })
  second.statsigCaptureLogLine("warn", ["handed over"], "secret-key")
  new second.Statsig("secret-other", { ...options, consoleCaptureOptions: { enabled: true } }).stopConsoleCapture()
  const isRestored = console.warn === warn
  await statsig.shutdown()
  return [isRestored, ...events.splice(0).flatMap(({ value }) => value ?? [])]
}

console.log(
  JSON.stringify({
    isTwice: first.StatsigUser !== second.StatsigUser,
    own,
    foreign,
    changes: await changes(),
    shared: shared(),
    instances: instances(),
    later: await refused(new Later({ userID: "u" })),
    proxied: await refused(new Proxy(new first.StatsigUser({ userID: "u" }), {})),
    captured: await captured(),
    globals: Reflect.ownKeys(globalThis)
      .filter(key => !globalsBefore.has(key))
      .map(String)
  })
)
process.exit()
