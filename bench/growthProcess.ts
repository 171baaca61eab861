/**
 * One process of `growth.ts`: it either measures one package on one project, or compares the answers of both. It is
 * told what to do, does it once, sends the result and ends.
 */
import { isDeepStrictEqual } from "node:util"
import type * as official from "@statsig/statsig-node-core"
import { inlined, type Response } from "../test/conformance/support/clientInitialize.js"
import type { Project, Question } from "./grown.js"
import { median } from "./median.js"

/** What the process is told. With two packages it compares them. */
export interface Task extends Omit<Project, "specs"> {
  /** The files of the packages. */
  readonly packages: ReadonlyArray<string>
  /** The address of the server with the specs. */
  readonly origin: string
  /** How long calls are repeated, in milliseconds. */
  readonly milliseconds: number
}

/** What is measured. */
export interface Figures {
  /** Milliseconds of `initialize`, and of the longest block of the event loop until then, constructors included. */
  readonly ready: number
  readonly blockUntilReady: number
  /** Milliseconds of the longest block from then until every gate has been asked. */
  readonly blockAfterwards: number
  /** Microseconds of the first check of a name in a process that has checked others: the median, and the longest. */
  readonly firstCheck: number
  readonly longestCheck: number
  /** Microseconds of CPU of a check, all names and all users by turns. */
  readonly byTurns: number
  /** Microseconds of CPU of a new user and a check. */
  readonly newUser: number
  /** Milliseconds of the first client response, and of the second. */
  readonly firstResponse: number
  readonly nextResponse: number
  /** Megabytes resident, above those of the process before it loaded the package: the package itself counts. */
  readonly memoryReady: number
  readonly memoryChecked: number
  readonly memoryResponse: number
}

/** What the process sends: figures, or how many answers it compared, or the first that differs. */
export type Report =
  | { readonly figures: Figures }
  | { readonly compared: number }
  | { readonly difference: ReadonlyArray<string> }

type Sdk = Pick<typeof official, "Statsig" | "StatsigUser">
type Statsig = official.Statsig
type User = official.StatsigUser

/** Exposures have benchmarks of their own. */
const unlogged = { disableExposureLogging: true }

const at = <A>(items: ReadonlyArray<A>, index: number): A => items[index % items.length] as A

const turn = () => new Promise(resolve => setImmediate(resolve))
const pause = (milliseconds: number) => new Promise(resolve => setTimeout(resolve, milliseconds))

const load = async (file: string): Promise<Sdk> => {
  const loaded = await import(file)
  return loaded.Statsig === undefined ? loaded.default : loaded
}

const make = ({ Statsig }: Sdk, { instances, origin }: Task, options: official.StatsigOptions = {}) =>
  Array.from(
    { length: instances },
    (_, index) =>
      new Statsig(`secret-growth-${index}`, {
        specsUrl: `${origin}/v2/download_config_specs`,
        logEventUrl: `${origin}/v1/log_event`,
        specsSyncIntervalMs: 3_600_000,
        outputLogLevel: "none",
        ...options
      })
  )

const initialize = async (statsigs: ReadonlyArray<Statsig>): Promise<void> => {
  for (const { error, isSuccess } of await Promise.all(statsigs.map(statsig => statsig.initialize()))) {
    if (!isSuccess) throw new Error(error)
  }
}

/** Watches for blocks of the event loop: the longest time between two turns of a timer of one millisecond. */
const watchBlocks = () => {
  let longest = 0
  let last = performance.now()
  const look = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  const timer = setInterval(look, 1)
  /** The longest since the last call. */
  const take = () => {
    look()
    const taken = longest
    longest = 0
    return taken
  }
  return { take, end: () => clearInterval(timer) }
}

/** Milliseconds of each first check. A server's checks come in many turns of the event loop: here one in each. */
const firstChecks = async (statsigs: ReadonlyArray<Statsig>, user: User, questions: ReadonlyArray<Question>) => {
  const taken: Array<number> = []
  for (const [method, name] of questions) {
    for (const statsig of statsigs) {
      const started = performance.now()
      statsig[method](user, name, unlogged)
      taken.push(performance.now() - started)
      await turn()
    }
  }
  return taken
}

/** No measurement has more calls, so that a fast package does not meet the same user and name more often. */
const mostCalls = 300_000

/** Microseconds of CPU of a call, repeated for about so long, after as many that are not measured. */
const costOf = (call: (index: number) => unknown, milliseconds: number): number => {
  let index = 0
  const repeat = (): number => {
    const first = index
    const cpu = process.cpuUsage()
    const started = performance.now()
    for (let count = 1; performance.now() - started < milliseconds && index - first < mostCalls; count *= 2) {
      for (const end = Math.min(index + count, first + mostCalls); index < end; index++) call(index)
    }
    const { system, user } = process.cpuUsage(cpu)
    return (system + user) / (index - first)
  }
  repeat()
  return repeat()
}

const timed = (work: () => unknown): number => {
  const started = performance.now()
  work()
  return performance.now() - started
}

const measure = async (task: Task): Promise<Figures> => {
  const { asked, before, milliseconds, packages, users: userArguments } = task
  const start = process.memoryUsage.rss()
  const memory = async () => {
    await pause(300)
    return (process.memoryUsage.rss() - start) / 1e6
  }
  const sdk = await load(packages[0]!)
  const users = userArguments.map(user => new sdk.StatsigUser(user as never))
  const [user] = users as [User]

  const blocks = watchBlocks()
  await turn()
  blocks.take()
  const statsigs = make(sdk, task)
  const started = performance.now()
  await initialize(statsigs)
  const ready = performance.now() - started
  const blockUntilReady = blocks.take()
  const early = await firstChecks(statsigs, user, before)
  const memoryReady = await memory()
  const checks = await firstChecks(statsigs, user, asked)
  const blockAfterwards = blocks.take()
  const memoryChecked = await memory()
  blocks.end()

  const firstResponse = timed(() => statsigs[0]!.getClientInitializeResponse(user))
  const memoryResponse = await memory()
  const nextResponse = timed(() => statsigs[0]!.getClientInitializeResponse(users[1]!))

  // Both change with each call, and each user meets all names.
  const check = (user: User, index: number) => {
    const [method, name] = at(asked, index)
    return at(statsigs, index)[method](user, name, unlogged)
  }
  const byTurns = (index: number) => check(at(users, index + Math.floor(index / asked.length)), index)
  const newUser = (index: number) => check(new sdk.StatsigUser(at(userArguments, index) as never), index)
  return {
    ready,
    blockUntilReady,
    blockAfterwards,
    firstCheck: median(checks) * 1_000,
    longestCheck: Math.max(...[early, checks].map(all => all.reduce((a, b) => Math.max(a, b)))) * 1_000,
    byTurns: costOf(byTurns, milliseconds),
    newUser: costOf(newUser, milliseconds / 4),
    firstResponse,
    nextResponse,
    memoryReady,
    memoryChecked,
    memoryResponse
  }
}

/** An answer as plain values that do not depend on the package. */
const answerOf = (statsig: Statsig, user: User, [method, name]: Question): unknown => {
  if (method === "checkGate") {
    const { details, idType, ruleID, value } = statsig.getFeatureGate(user, name, unlogged)
    return { value, ruleID, idType, reason: details.reason }
  }
  if (method === "getLayer") {
    const { allocatedExperimentName, groupName, ruleID } = statsig.getLayer(user, name, unlogged)
    return { allocatedExperimentName, groupName, ruleID }
  }
  const { details, ruleID, value } = statsig[method](user, name, unlogged)
  return { value, ruleID, reason: details.reason }
}

/** A client response without what differs between the packages. */
const responseOf = (statsig: Statsig, user: User): unknown => ({
  ...inlined(JSON.parse(statsig.getClientInitializeResponse(user)) as Response),
  sdkInfo: undefined
})

/** How many names a user is asked for, at most; the client response has them all. */
const mostCompared = 500

/** Compares names and a client response, user by user, for at least one user and until the time is over. */
const compare = async (task: Task): Promise<Report> => {
  const sides = await Promise.all(
    task.packages.map(async file => {
      const sdk = await load(file)
      const statsigs = make(
        sdk,
        { ...task, instances: 1 },
        { waitForCountryLookupInit: true, waitForUserAgentInit: true }
      )
      await initialize(statsigs)
      return { sdk, statsig: statsigs[0]! }
    })
  )
  const stride = Math.ceil(task.asked.length / mostCompared)
  const questions = [...task.before, ...task.asked.filter((_, index) => index % stride === 0)]
  const end = performance.now() + 3 * task.milliseconds
  let compared = 0
  for (const args of task.users) {
    const users = sides.map(({ sdk }) => new sdk.StatsigUser(args as never))
    const answers = sides.map(({ statsig }, side) => [
      ...questions.map(question => answerOf(statsig, users[side]!, question)),
      responseOf(statsig, users[side]!)
    ])
    const [theirs, ours] = answers as [Array<unknown>, Array<unknown>]
    const differing = theirs.findIndex((answer, index) => !isDeepStrictEqual(answer, ours[index]))
    if (differing >= 0) {
      const shown = [questions[differing] ?? "the client response", args, theirs[differing], ours[differing]]
      return { difference: shown.map(value => JSON.stringify(value).slice(0, 2_000)) }
    }
    compared += theirs.length
    if (performance.now() > end) break
  }
  return { compared }
}

process.once("message", async (task: Task) => {
  const report: Report = task.packages.length === 1 ? { figures: await measure(task) } : await compare(task)
  // The official package keeps the process alive.
  process.send?.(report, () => process.exit(0))
})
process.on("unhandledRejection", error => {
  console.error(error)
  process.exit(1)
})
