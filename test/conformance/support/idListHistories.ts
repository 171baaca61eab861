/**
 * ID lists through both packages: random histories of a server's lists, sync by sync, and the members of each list
 * after each.
 *
 * Both poll the server, each under a separate path. A request for the manifest is held until the next step of the
 * history; the request after it shows that the sync is over. So no sync spans two steps, and nothing waits for time.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { idListHash } from "../../../layers/LocalStatsig.js"
import { gateSpec } from "../../layers/support/specs.js"
import { Random } from "./random.js"
import { officialSdk, ourSdk, type Sdk } from "./sdk.js"

interface ListFile {
  readonly fileID: string | undefined
  readonly creationTime: number
  readonly path: string
  readonly content: Buffer
  /** The size in the manifest. */
  readonly announced: number
  /**
   * Whether the file adds to the list instead of replacing it: the official package reads such a file again in every
   * sync.
   */
  readonly isOnTop: boolean
  /** Whether a part of it may begin at any byte. */
  readonly isAscii?: boolean
}

type FileFault = "500" | "404" | "403" | "416" | "reset" | "short" | "no text" | "redirects"
type ManifestFault = "500" | "no JSON" | "no object" | "reset"

/** What the server has during one sync. */
interface Step {
  readonly what: string
  readonly lists: ReadonlyMap<string, ListFile>
  readonly manifestFault?: ManifestFault
  readonly fileFault?: { readonly list: string; readonly fault: FileFault }
}

const listNames = ["vips", "größe 🦊", "__proto__", "a list"]
const ids = Array.from({ length: 24 }, (_, index) => `user-${index}`)
const fileFaults: ReadonlyArray<FileFault> = ["500", "404", "403", "416", "reset", "short", "no text", "redirects"]
const manifestFaults: ReadonlyArray<ManifestFault> = ["500", "no JSON", "no object", "reset"]

const line = (random: Random): string => {
  const sign = random.chance(0.7) ? "+" : "-"
  const hash = idListHash(random.pick(ids))
  if (random.chance(0.85)) return `${sign}${hash}\n`
  return random.pick([
    `${sign}${hash}\r\n`,
    `${sign}${hash}\r\r\n`,
    `${sign}${hash} \n`,
    ` ${sign}${hash}\n`,
    `${sign} ${hash}\n`,
    `${hash}\n`,
    `*${hash}\n`,
    `${sign}${sign}${hash}\n`,
    `${sign}${hash}=\n`,
    `${sign}${hash.slice(1)}\n`,
    `${sign}${hash.slice(1)}ü\n`,
    `${sign}é${hash}\n`,
    `${sign}${hash}\u2028\n`,
    `${sign}${"x".repeat(40)}\n`,
    `${sign}${hash}\t\n`,
    "\n",
    " \n",
    "+\n",
    "\r\n"
  ])
}

const lines = (random: Random, most: number): string =>
  random.times(random.between(0, most), () => line(random)).join("")

/** Sometimes without the end of its last line. */
const cut = (random: Random, text: string): string =>
  random.chance(0.15) ? text.slice(0, text.length - random.between(1, Math.min(6, text.length))) : text

/** The steps of one history. A step that fails is followed by one that does not, with the same lists. */
const makeHistory = (random: Random): ReadonlyArray<Step> => {
  const lists = new Map<string, ListFile>()
  const steps: Array<Step> = []
  let time = 1_700_000_000_000
  let files = 0

  const newFile = (content: string, before?: ListFile): ListFile => {
    const bytes = Buffer.from(content)
    const fileID = before !== undefined && before.fileID === undefined ? undefined : `file_${++files}`
    return { fileID, creationTime: time, path: `f${files}`, content: bytes, announced: bytes.length, isOnTop: false }
  }
  const grown = (list: ListFile, text: string): ListFile => {
    const more = list.isAscii === true ? text.replace(/[^\x00-\x7f]/g, "?") : text
    const content = Buffer.concat([list.content, Buffer.from(more)])
    return { ...list, content, announced: content.length }
  }

  const edits: ReadonlyArray<readonly [weight: number, edit: (name: string, list: ListFile) => string]> = [
    [
      10,
      (name, list) => {
        const more = lines(random, 8)
        lists.set(name, grown(list, list.isOnTop ? more : cut(random, more)))
        return "grow"
      }
    ],
    [
      3,
      (name, list) => {
        lists.set(name, newFile(cut(random, lines(random, 10)), list))
        return "replace"
      }
    ],
    [
      2,
      name => {
        lists.delete(name)
        return "delete"
      }
    ],
    [
      2,
      (name, list) => {
        const other = random.pick(listNames)
        if (other === name) return "nothing"
        lists.delete(name)
        // Not an older file than the held one, even where the name was deleted since the last sync.
        const isHeld = lists.has(other) || steps.at(-1)?.lists.has(other) === true
        lists.set(other, isHeld ? newFile(list.content.toString()) : list)
        return `rename to ${other}`
      }
    ],
    [
      2,
      (name, list) => {
        if (list.isOnTop) return "nothing"
        // Truncated characters would make the official package refuse all lists.
        if (list.content.some(byte => byte > 127)) return "nothing"
        const content = list.content.subarray(0, random.between(0, list.content.length))
        lists.set(name, { ...list, content, announced: content.length, isAscii: true })
        return "truncate"
      }
    ],
    [
      1,
      (name, list) => {
        lists.set(name, { ...list, path: `${list.path}x` })
        return "move"
      }
    ],
    [
      2,
      (name, list) => {
        // The official package will read it whole each time: a line must not be truncated where it grows.
        const end = list.content.length > 0 && list.content.at(-1) !== 10 ? "\n" : ""
        lists.set(name, { ...grown(list, end + lines(random, 4)), creationTime: time, isOnTop: true })
        return "same file, newer"
      }
    ],
    [
      2,
      (name, list) => {
        lists.set(name, { ...newFile(lines(random, 6)), creationTime: list.creationTime - 5, isOnTop: true })
        return "other file, older"
      }
    ],
    [
      2,
      (name, list) => {
        if (list.isOnTop) return "nothing"
        const more = grown(list, lines(random, 5))
        lists.set(name, { ...more, announced: Math.max(list.announced, more.announced - random.below(30)) })
        return "more than announced"
      }
    ]
  ]

  const edit = (): string => {
    time += 10
    const name = random.pick(listNames)
    const list = lists.get(name)
    if (list !== undefined) return `${name}: ${random.weighted(edits)(name, list)}`
    lists.set(name, newFile(cut(random, lines(random, 12))))
    return `${name}: new`
  }

  for (let count = random.between(3, 6); count > 0; count--) {
    const what = random.times(random.between(1, 3), edit).join("; ")
    const fails = random.below(10)
    if (fails === 0) {
      const manifestFault = random.pick(manifestFaults)
      steps.push({ what: `${what}; manifest ${manifestFault}`, lists: new Map(lists), manifestFault })
    } else if (fails < 3 && lists.size > 0) {
      const list = random.pick([...lists.keys()])
      const fault = random.pick(fileFaults)
      // For an empty file, 416 is a valid response here.
      const fileFault = { list, fault: fault === "416" && lists.get(list)?.announced === 0 ? "500" : fault }
      steps.push({ what: `${what}; ${fileFault.list} ${fileFault.fault}`, lists: new Map(lists), fileFault })
    }
    steps.push({ what, lists: new Map(lists) })
  }
  return steps
}

const specs = {
  has_updates: true,
  time: 1,
  feature_gates: Object.fromEntries(listNames.map((_, index) => [`in_${index}`, gateSpec(true, [`c${index}`])])),
  dynamic_configs: {},
  layer_configs: {},
  condition_map: Object.fromEntries(
    listNames.map((name, index) => [
      `c${index}`,
      {
        type: "unit_id",
        operator: "in_segment_list",
        targetValue: name,
        field: null,
        additionalValues: {},
        idType: "userID"
      }
    ])
  ),
  experiment_to_layer: {}
}

/** One package under a history. */
class Side {
  step: Step | undefined
  /** The list file and the start of each requested range. */
  readonly requests: Array<string> = []
  #release: (() => void) | undefined
  #arrived: (() => void) | undefined
  readonly #base: () => string

  constructor(base: () => string) {
    this.#base = base
  }

  /** The request for the manifest has arrived, and is held. */
  readonly asked = (): Promise<void> =>
    this.#release !== undefined
      ? Promise.resolve()
      : new Promise(resolve => {
          this.#arrived = resolve
        })

  release(): void {
    const release = this.#release
    this.#release = undefined
    release?.()
  }

  answer(path: string, request: IncomingMessage, response: ServerResponse): void {
    if (path.startsWith("/specs")) {
      response.end(JSON.stringify(specs))
    } else if (path === "/lists") {
      this.#release = () => this.#answerManifest(response)
      this.#arrived?.()
      this.#arrived = undefined
    } else {
      this.#answerFile(path, request, response)
    }
  }

  #answerManifest(response: ServerResponse): void {
    const { lists, manifestFault } = this.step as Step
    if (manifestFault === "reset") return void response.destroy()
    if (manifestFault === "500") return void response.writeHead(500).end()
    if (manifestFault !== undefined) return void response.end(manifestFault === "no JSON" ? "{" : "[]")
    const entries = Array.from(lists, ([name, { announced, creationTime, fileID, path }]) => {
      const entry = { name, size: announced, url: `${this.#base()}/files/${path}`, creationTime, fileID }
      return `${JSON.stringify(name)}:${JSON.stringify(entry)}`
    })
    response.end(`{${entries.join()}}`)
  }

  #answerFile(path: string, request: IncomingMessage, response: ServerResponse): void {
    const { fileFault, lists } = this.step as Step
    const [name, file] = [...lists].find(([, file]) => path === `/files/${file.path}`) ?? []
    if (name === undefined || file === undefined) return void response.writeHead(404).end()
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1])
    this.requests.push(`${name} ${file.isOnTop ? "on top" : start}`)
    const body = file.content.subarray(start)
    if (fileFault?.list === name) {
      const { fault } = fileFault
      if (fault === "redirects") return void response.writeHead(302, { location: `${this.#base()}${path}` }).end()
      if (fault === "no text") return void response.writeHead(206).end(Buffer.from([0x2b, 0xff, 0xfe, 0x0a]))
      if (fault === "reset" || fault === "short") {
        response.writeHead(206, { "content-length": body.length + 10 })
        response.write(body)
        return void setImmediate(() => (fault === "reset" ? response.socket?.resetAndDestroy() : response.destroy()))
      }
      return void response.writeHead(Number(fault)).end()
    }
    if (start > 0 && start >= file.content.length) return void response.writeHead(416).end()
    const range = `bytes ${start}-${file.content.length - 1}/${file.content.length}`
    response.writeHead(file.content.length === 0 ? 200 : 206, { "content-type": "text/plain", "content-range": range })
    response.end(body)
  }
}

const start = async (sdk: Sdk, side: Side, base: string, first: Step) => {
  const statsig = new sdk.Statsig(`secret-idlists${base.replace(/\W/g, "")}`, {
    specsUrl: `${base}/specs`,
    idListsUrl: `${base}/lists`,
    logEventUrl: `${base}/log`,
    enableIdLists: true,
    idListsSyncIntervalMs: 2,
    specsSyncIntervalMs: 1_000_000,
    disableAllLogging: true,
    disableCountryLookup: true,
    outputLogLevel: "none"
  })
  const users = ids.map(userID => new sdk.StatsigUser({ userID }))
  const initialized = statsig.initialize()
  await side.asked()
  side.step = first
  side.release()
  await initialized
  return {
    side,
    /** Lets one sync run. */
    sync: async (step: Step) => {
      await side.asked()
      side.requests.length = 0
      side.step = step
      side.release()
      await side.asked()
    },
    settled: side.asked,
    /** The members of each list. */
    members: () =>
      listNames.map((_, index) =>
        users
          .map(user => (statsig.checkGate(user, `in_${index}`, { disableExposureLogging: true }) ? "1" : "0"))
          .join("")
      ),
    stop: async () => {
      const stopped = statsig.shutdown()
      side.step = { what: "end", lists: new Map() }
      side.release()
      await stopped
    }
  }
}

export interface Totals {
  histories: number
  syncs: number
  failing: number
  answers: number
  members: number
  requests: { official: number; ours: number }
}

/** Runs the history; returns the differences. */
const compare = async (
  random: Random,
  makeSide: () => { readonly side: Side; readonly base: string },
  totals: Totals
): Promise<string | undefined> => {
  const steps = makeHistory(random)
  const [first, ...rest] = [{ what: "nothing yet", lists: new Map() } satisfies Step, ...steps]
  const [officialSide, ourSide] = [makeSide(), makeSide()]
  const official = await start(officialSdk, officialSide.side, officialSide.base, first)
  const ours = await start(ourSdk, ourSide.side, ourSide.base, first)
  let previous = ours.members()
  try {
    for (const [index, step] of rest.entries()) {
      await Promise.all([official.sync(step), ours.sync(step)])
      const [expected, actual] = [official.members(), ours.members()]
      const requests = { official: [...official.side.requests], ours: [...ours.side.requests] }
      totals.syncs++
      totals.answers += ids.length * listNames.length
      totals.members += actual.join("").replaceAll("0", "").length
      totals.requests.official += requests.official.length
      totals.requests.ours += requests.ours.length
      const report = (problem: string) =>
        [
          problem,
          ...rest.slice(0, index + 1).map(({ what }) => `  ${what}`),
          ...Array.from(
            step.lists,
            ([name, { content, ...list }]) => `  ${name}: ${JSON.stringify(list)} ${JSON.stringify(content.toString())}`
          ),
          `  official: ${expected.join(" ")} ${requests.official}`,
          `  ours:     ${actual.join(" ")} ${requests.ours}`
        ].join("\n")
      if (step.fileFault !== undefined || step.manifestFault !== undefined) {
        totals.failing++
        // The official package applies nothing. Here the lists that did not fail are as they will be after the next
        // sync.
        const next = rest[index + 1]
        if (next === undefined) continue
        await Promise.all([official.sync(next), ours.sync(next)])
        const after = ours.members()
        for (const [position, name] of listNames.entries()) {
          const isKept = step.manifestFault !== undefined || step.fileFault?.list === name
          const kept =
            isKept && step.lists.has(name) ? previous : isKept && step.manifestFault !== undefined ? previous : after
          if (actual[position] !== kept[position]) return report(`${name} is not what it should be after a failure`)
        }
        if (official.members().join() !== after.join()) return report("the answers differ after a failure")
        previous = after
        continue
      }
      if (expected.join() !== actual.join()) return report("the answers differ")
      // What the official package reads again in every sync is read here when it has grown.
      const surplus = [...requests.ours]
      for (const request of requests.official) {
        const at = surplus.indexOf(request)
        if (at >= 0) surplus.splice(at, 1)
        else if (!request.endsWith("on top")) return report(`${request} was not asked for`)
      }
      if (surplus.length > 0) return report(`${surplus} were asked for`)
      previous = actual
    }
  } finally {
    await Promise.all([official.stop(), ours.stop()])
  }
  totals.histories++
  return undefined
}

/** Compares both packages over the histories from `first` on. */
export const compareHistories = async (options: {
  readonly seed: number
  readonly first: number
  readonly count: number
}): Promise<{ readonly totals: Totals; readonly differences: ReadonlyArray<string> }> => {
  const sides: Array<Side> = []
  const server = createServer((request, response) => {
    const [, index = "", path = ""] = /^\/(\d+)(\/.*)$/.exec(request.url ?? "") ?? []
    sides[Number(index)]?.answer(path, request, response)
  })
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const makeSide = () => {
    const base = `${url}/${sides.length}`
    const side = new Side(() => base)
    sides.push(side)
    return { side, base }
  }
  const totals: Totals = {
    histories: 0,
    syncs: 0,
    failing: 0,
    answers: 0,
    members: 0,
    requests: { official: 0, ours: 0 }
  }
  const differences: Array<string> = []
  let next = options.first
  const worker = async () => {
    while (next < options.first + options.count) {
      const index = next++
      const difference = await compare(Random.of(options.seed, index), makeSide, totals)
      if (difference !== undefined) differences.push(`seed ${options.seed}, history ${index}: ${difference}`)
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  server.close()
  server.closeAllConnections()
  return { totals, differences }
}
