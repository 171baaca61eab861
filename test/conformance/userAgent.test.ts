/**
 * Both user agent parsers against the official package, all four fields, over generated user agents; those of the
 * third-party mode are also generated from its rules, so that each rule is matched. USER_AGENT_SEED and
 * USER_AGENT_COUNT set other and longer runs.
 */

import { setImmediate } from "node:timers/promises"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Statsig, StatsigUser } from "@statsig/statsig-node-core"
import fc from "fast-check"
import { browserRules, osRules } from "../../layers/internal/uapRules.generated.js"
import * as FirstParty from "../../layers/UserAgentParser/Statsig.js"
import * as ThirdParty from "../../layers/UserAgentParser/UapCore.js"
import type { ParsedUserAgent } from "../../src/UserAgentParser.js"
import { userAgents } from "../layers/support/userAgents.js"
import { isLong } from "./support/effort.js"

const seed = Number(process.env["USER_AGENT_SEED"] ?? 1)
const count = Number(process.env["USER_AGENT_COUNT"] ?? (isLong ? 20_000 : 1_000))

const official = (useThirdPartyUaParser: boolean) =>
  new Statsig("secret-user-agents", {
    disableNetwork: true,
    disableAllLogging: true,
    outputLogLevel: "none",
    useThirdPartyUaParser,
    waitForUserAgentInit: true
  })

const firstParty = official(false)
const thirdParty = official(true)
beforeAll(() => thirdParty.initialize())
afterAll(() => Promise.all([firstParty.shutdown(), thirdParty.shutdown()]))

interface Difference {
  readonly userAgent: string
  readonly official: unknown
  readonly ours: unknown
}

const differences = async (
  statsig: Statsig,
  parse: (userAgent: string) => ParsedUserAgent | null,
  userAgents: ReadonlyArray<string>
): Promise<Array<Difference>> => {
  const found: Array<Difference> = []
  for (const [index, userAgent] of userAgents.entries()) {
    // a long run yields to the test runner
    if (index % 1_000 === 0) await setImmediate()
    const answer = statsig.getParsedUserAgentValueForUser(new StatsigUser({ userID: "user", userAgent }))
    const ours = parse(userAgent)
    if (
      answer?.os_name !== ours?.osName ||
      answer?.os_version !== ours?.osVersion ||
      answer?.browser_name !== ours?.browserName ||
      answer?.browser_version !== ours?.browserVersion
    ) {
      found.push({ userAgent, official: answer, ours })
    }
  }
  return found
}

const without = (text: string, at: number): string => text.slice(0, at) + text.slice(at + 1)

describe("user agents against the official package", () => {
  it("agree in the first-party mode", async () => {
    assert.deepStrictEqual((await differences(firstParty, FirstParty.parse, userAgents(count, seed))).slice(0, 5), [])
  })

  it("agree in the third-party mode", async () => {
    const known = userAgents(Math.ceil(count / 10), seed + 1).filter(userAgent => Buffer.byteLength(userAgent) <= 1_000)
    assert.deepStrictEqual((await differences(thirdParty, ThirdParty.parse, known)).slice(0, 5), [])
  })

  it("agree on texts that the rules of the third-party mode match or nearly match", async () => {
    const known = [...browserRules, ...osRules].flatMap(([pattern], at) => {
      // the generator supports neither empty alternatives nor word boundaries
      const matching = new RegExp(pattern.replaceAll("|)", ")?").replaceAll("()", "").replaceAll("\\b", ""))
      return fc
        .sample(fc.stringMatching(matching), { seed: seed + at, numRuns: Math.ceil(count / 5_000) })
        .flatMap((text, sample) => [text, without(text, (seed + sample * 7) % text.length)])
        .map(text => Buffer.from(text).toString())
        .filter(text => Buffer.byteLength(text) <= 1_000)
    })
    assert.isAbove(known.length, browserRules.length + osRules.length)
    assert.deepStrictEqual((await differences(thirdParty, ThirdParty.parse, known)).slice(0, 5), [])
  })
})
