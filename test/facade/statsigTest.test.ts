/** The test double behind the Promise API, as tests use it. */
import { afterEach, assert, describe, it, vi } from "vitest"
import { makeStatsigTest, Statsig, StatsigUser } from "../../layers/promise.js"

const ada = new StatsigUser({ userID: "ada" })

describe("makeStatsigTest", () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it("returns the values that are set, also while the program runs, and shows what was logged", async () => {
    const { statsig, test } = makeStatsigTest([
      { gate: "new_checkout", value: true, id: "ada" },
      { experiment: "button", value: { color: "red" }, group: "Test" }
    ])
    assert.isTrue(statsig.checkGate(ada, "new_checkout"))
    const button = statsig.getExperiment(ada, "button")
    assert.deepStrictEqual([button.get("color", ""), button.getGroupName()], ["red", "Test"])
    test.set({ gate: "new_checkout", value: false })
    test.remove({ gate: "new_checkout", id: "ada" })
    assert.isFalse(statsig.checkGate(ada, "new_checkout"))
    assert.strictEqual(statsig.getFeatureGate(ada, "other").getEvaluationDetails().reason, "Bootstrap:Unrecognized")
    statsig.logEvent(ada, "paid", 12)
    assert.deepStrictEqual(
      test.exposures.map(({ name, userID, value }) => [name, userID, value]),
      [
        ["new_checkout", "ada", true],
        ["button", "ada", { color: "red" }],
        ["new_checkout", "ada", false],
        ["other", "ada", false]
      ]
    )
    assert.deepInclude(test.events[0], { name: "paid", value: 12, userID: "ada" })
    assert.deepStrictEqual(await statsig.shutdown(), { isSuccess: true })
  })

  it("replaces the class in programs that create their own client", async () => {
    const { Statsig: TestStatsig, test } = makeStatsigTest()
    const program = async (Client: typeof Statsig) => {
      const client = Client.newShared("secret-key", { environment: "production" })
      const { isSuccess } = await client.initialize()
      return () => [isSuccess, Client.shared().checkGate(ada, "g")]
    }
    const ask = await program(TestStatsig)
    assert.deepStrictEqual(ask(), [true, false])
    test.set({ gate: "g", value: true })
    assert.deepStrictEqual(ask(), [true, true])
    assert.isFalse(Statsig.hasShared(), "the real class knows nothing of it")
  })

  it("starts no timer and writes nothing", async () => {
    const written = vi.spyOn(process.stdout, "write")
    const timers = [vi.spyOn(globalThis, "setTimeout"), vi.spyOn(globalThis, "setInterval")]
    const { statsig, test } = makeStatsigTest()
    await statsig.initialize()
    test.set({ gate: "g", value: true })
    statsig.checkGate(ada, "g")
    assert.isEmpty(written.mock.calls)
    assert.isEmpty(timers.flatMap(({ mock }) => mock.calls))
  })
})
