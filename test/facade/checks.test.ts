import { beforeAll, describe, expect, it } from "vitest"
import { type Statsig as OurStatsig, StatsigUser } from "../../layers/promise.js"
import { payload } from "./support/payload.js"
import { expectSame, initialized, offline, ourSide, outcome, type Side, show } from "./support/sides.js"

// biome-ignore lint/suspicious/noExplicitAny: an instance of either side
let instances: Map<Side, any>
// biome-ignore lint/suspicious/noExplicitAny: an instance of either side
const on = (side: Side): any => instances.get(side)

beforeAll(async () => {
  instances = await initialized()
})

const users: ReadonlyArray<object> = [
  { userID: "u" },
  { userID: "" },
  { customIDs: { companyID: "42" } },
  { userID: "u", customIDs: { companyID: 42 } },
  { userID: "u", custom: { plan: "pro" }, statsigEnvironment: { tier: "staging" } },
  {
    userID: "u",
    ip: "8.8.8.8",
    userAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36"
  },
  { userID: "u", privateAttributes: { plan: "pro" }, userAgent: "" }
]

const gates = [...Object.keys(payload.feature_gates), "ghost"]
const configs = [...Object.keys(payload.dynamic_configs), "ghost", "__proto__"]
const layers = [...Object.keys(payload.layer_configs), "ghost"]

describe("the checks", () => {
  it.each(users.map(user => [show(user), user]))("return the same for %s as the official ones", async (_, args) => {
    const ask = (call: (statsig: OurStatsig, user: StatsigUser) => unknown) =>
      expectSame(side => {
        const result = call(on(side), new side.StatsigUser(args))
        return [result, Object.keys(Object(result))]
      })
    for (const gate of gates) {
      await ask((statsig, user) => statsig.checkGate(user, gate))
      await ask((statsig, user) => statsig.getFeatureGate(user, gate))
    }
    for (const config of configs) {
      await ask((statsig, user) => statsig.getDynamicConfig(user, config))
      await ask((statsig, user) => statsig.getExperiment(user, config))
    }
    for (const layer of layers) await ask((statsig, user) => statsig.getLayer(user, layer))
    await expectSame(side => on(side).getParsedUserAgentValueForUser(new side.StatsigUser(args)))
  })

  it("return values that the caller may change", async () => {
    await expectSame(side => {
      const user = new side.StatsigUser({ userID: "u" })
      const config = on(side).getDynamicConfig(user, "config")
      config.value.obj.b.c.push("changed")
      config.value.s = "changed"
      on(side).getExperiment(user, "experiment").secondaryExposures[0].gate = "changed"
      return [on(side).getDynamicConfig(user, "config"), on(side).getExperiment(user, "experiment")]
    })
    await expectSame(side => {
      on(side).getExperimentGroups("experiment").groups[1].returnValue.deep.list.push("changed")
      on(side).getExperimentByGroupName("experiment", "Test").value.deep.list.push("changed")
      on(side).getFieldsNeededForGate("gate_on").push("changed")
      return [
        on(side).getExperimentGroups("experiment"),
        on(side).getExperimentByGroupName("experiment", "Test"),
        on(side).getFieldsNeededForGate("gate_on")
      ]
    })
  })

  it("use the parameters of a user that was changed by its setters", async () => {
    await expectSame(side => {
      const user = new side.StatsigUser({ userID: "u" })
      const answers = [on(side).checkGate(user, "pro")]
      user.custom = { plan: "pro" }
      answers.push(on(side).checkGate(user, "pro"))
      user.custom = null
      answers.push(on(side).checkGate(user, "pro"))
      return answers
    })
  })
})

describe("the look-ups", () => {
  it("return the same as the official ones", async () => {
    for (const name of configs) {
      for (const group of ["Control", "Test", "Yes", "control", "test", "yes", "config", "ghost", ""]) {
        await expectSame(side => on(side).getExperimentByGroupName(name, group))
        await expectSame(side => on(side).getExperimentByGroupIdAdvanced(name, group))
      }
      await expectSame(side => on(side).getExperimentGroups(name))
      await expectSame(side => on(side).getFieldsNeededForDynamicConfig(name))
      await expectSame(side => on(side).getFieldsNeededForExperiment(name))
    }
    for (const name of gates) await expectSame(side => on(side).getFieldsNeededForGate(name))
    for (const name of layers) await expectSame(side => on(side).getFieldsNeededForLayer(name))
  })

  it.each([
    "getFeatureGateList",
    "getDynamicConfigList",
    "getExperimentList",
    "getAutotuneList",
    "getLayerList",
    "getParameterStoreList"
  ])("%s lists what the official one lists", async method => {
    await expectSame(side => on(side)[method]().sort())
  })

  it("have the names of the Python package too", () => {
    const statsig: OurStatsig = on(ourSide)
    expect(statsig.getGateFieldsNeeded("gate_on")).toEqual(["userID", "email"])
    expect(statsig.getDynamicConfigFieldsNeeded("config")).toEqual(["custom"])
    expect(statsig.getExperimentFieldsNeeded("config")).toEqual(["custom"])
    expect(statsig.getLayerFieldsNeeded("layer")).toEqual([])
  })
})

describe("the error boundary", () => {
  class NoUser {}

  const noUsers: ReadonlyArray<(side: Side) => unknown> = [
    () => undefined,
    () => null,
    () => ({ userID: "u" }),
    () => "u",
    () => 5,
    () => new NoUser(),
    ({ StatsigUser }) => Object.create(StatsigUser.prototype),
    ({ StatsigUser }) => new Proxy(new StatsigUser({ userID: "u" }), {})
  ]

  const withUser = ["checkGate", "getFeatureGate", "getDynamicConfig", "getExperiment", "getParameterStore"]
  const withName = [
    ["getExperimentByGroupName", "x"],
    ["getExperimentByGroupIdAdvanced", "x"],
    ["getExperimentGroups"],
    ["getFieldsNeededForGate"],
    ["getFieldsNeededForDynamicConfig"],
    ["getFieldsNeededForExperiment"],
    ["getFieldsNeededForLayer"]
  ] as const
  const noNames: ReadonlyArray<unknown> = [undefined, null, 5, true, {}, [], new String("x")]

  it.each(withUser)("returns the same without a user in %s as the official package", async method => {
    for (const noUser of noUsers) await expectSame(side => on(side)[method](noUser(side), "gate_on"))
  })

  it.each(withUser)("returns the same without a name in %s as the official package", async method => {
    for (const name of noNames) {
      await expectSame(side => on(side)[method](new side.StatsigUser({ userID: "u" }), name))
      await expectSame(side => on(side)[method](null, name))
    }
  })

  it.each(withName)("returns the same without a name in %s as the official package", async (method, ...more) => {
    for (const name of noNames) await expectSame(side => on(side)[method](name, ...more))
  })

  it("returns the same without a group as the official package", async () => {
    for (const name of noNames) {
      await expectSame(side => on(side).getExperimentByGroupName("experiment", name))
      await expectSame(side => on(side).getExperimentByGroupIdAdvanced("experiment", name))
    }
  })

  const options: ReadonlyArray<unknown> = [
    undefined,
    null,
    5,
    "x",
    [],
    {},
    { unknown: 1 },
    ...[undefined, true, null, 1, "yes"].flatMap(value => [
      { disableExposureLogging: value },
      { enforceOverrides: value },
      { enforceTargeting: value }
    ]),
    { userPersistedValues: null },
    { userPersistedValues: 5 },
    { userPersistedValues: {} }
  ]

  it.each(withUser.slice(0, 4))("accepts any options of %s as the official package does", async method => {
    for (const option of options) {
      await expectSame(side => on(side)[method](new side.StatsigUser({ userID: "u" }), "experiment", option))
    }
  })

  it("accepts any options of getParameterStore as the official package does", async () => {
    for (const option of options) {
      await expectSame(side => {
        const user = new side.StatsigUser({ userID: "u" })
        return on(side).getParameterStore(user, "store", option)?.toJSON().options
      })
    }
  })

  /** The official package prints a second line, an error of its own over the first. */
  it("reports what is wrong with the arguments of getLayer, and returns null", async () => {
    const statsig = on(ourSide)
    const user = new StatsigUser({ userID: "u" })
    expect(await outcome(() => statsig.getLayer({}, "layer"))).toMatch(
      /^error Statsig::getLayer Error InvalidArg Expected StatsigUser instance[^\n]*\nnull$/
    )
    for (const name of noNames) {
      expect(await outcome(() => statsig.getLayer(user, name))).toBe(
        "error Statsig::getLayer Error StringExpected\nnull"
      )
    }
    expect(await outcome(() => statsig.getLayer(user, "layer", { disableExposureLogging: 1 }))).toBe(
      "error Statsig::getLayer Error BooleanExpected\nnull"
    )
    expect(await outcome(() => statsig.getLayer(user, "layer", { userPersistedValues: null }))).toBe(
      "error Statsig::getLayer TypeError without code\nnull"
    )
    await expectSame(side => on(side).getLayer(new side.StatsigUser({ userID: "u" }), "layer", null)?.name)
  })

  it("reads a layer without a name as the official package does, and logs nothing", async () => {
    for (const name of noNames) {
      await expectSame(side => {
        const layer = on(side).getLayer(new side.StatsigUser({ userID: "u" }), "layer")
        return [layer.get(name, "fallback"), layer.get(name), layer.getValue(name, "fallback")]
      })
    }
  })

  it("returns the same for a wrong timeout of shutdown as the official package", async () => {
    for (const timeout of ["x", true, {}]) await expectSame(side => on(side).shutdown(timeout))
  })

  it("accepts users of a subclass", async () => {
    await expectSame(side => {
      class Named extends side.StatsigUser {}
      return on(side).checkGate(Reflect.construct(Named, [{ userID: "u" }]), "gate_on")
    })
  })

  it("refuses the events that the official package refuses", async () => {
    const odd = [
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      1n,
      Symbol("s"),
      () => 1,
      undefined,
      null,
      true,
      5,
      "x",
      new Date(0)
    ]
    for (const value of [...odd, ...odd.map(item => [item]), ...odd.map(item => ({ deep: { item } }))]) {
      await expectSame(side => {
        const user = new side.StatsigUser({ userID: "u" })
        return [on(side).logEvent(user, "value", value), on(side).logEvent(user, "metadata", null, value)]
      })
    }
  })

  it("supports detached methods", async () => {
    await expectSame(side => {
      const { checkGate, getExperiment, getLayerList } = on(side)
      const user = new side.StatsigUser({ userID: "u" })
      return [checkGate(user, "gate_on"), getExperiment(user, "experiment"), getLayerList().sort(), checkGate()]
    })
    await expectSame(side => Object.getOwnPropertyDescriptor(on(side), "checkGate") !== undefined)
    expect(Object.keys(on(ourSide))).toEqual(expect.arrayContaining(["checkGate", "initialize", "getLayer"]))
  })

  it("guards the methods of a subclass, as the official package does", async () => {
    await expectSame(async side => {
      class Mine extends side.Statsig {
        checkGate(user: unknown, name: unknown) {
          return [super.checkGate(user, name)]
        }
        getFeatureGate(user: unknown, name: unknown) {
          return super.getFeatureGate(user, name)
        }
        added() {
          throw new RangeError("mine")
        }
        async later() {
          throw new RangeError("mine")
        }
      }
      const statsig = Reflect.construct(Mine, ["secret-key", offline])
      const user = new side.StatsigUser({ userID: "u" })
      return [
        statsig instanceof side.Statsig,
        statsig.checkGate(user, "gate_on"),
        statsig.checkGate({}, "gate_on"),
        statsig.getFeatureGate(user, "gate_on"),
        statsig.getFeatureGate({}, "gate_on"),
        statsig.added(),
        await statsig.later()
      ]
    })
  })
})
