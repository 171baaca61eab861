import { afterEach, describe, expect, it } from "vitest"
import { Statsig, StatsigUser } from "../../layers/promise.js"
import { expectSame, officialSide, offline, ourSide } from "./support/sides.js"

afterEach(() => {
  officialSide.Statsig.removeSharedInstance()
  ourSide.Statsig.removeSharedInstance()
})

describe("the shared instance", () => {
  it("is made, found, kept across shutdown and forgotten as in the official package", async () => {
    await expectSame(async ({ Statsig }) => {
      const states = [Statsig.hasShared()]
      const instance = Statsig.newShared("secret-key", offline)
      states.push(Statsig.hasShared(), Statsig.shared() === instance, instance instanceof Statsig)
      await instance.shutdown()
      states.push(Statsig.shared() === instance)
      states.push(Statsig.removeSharedInstance(), Statsig.hasShared(), Statsig.removeSharedInstance())
      return states
    })
  })

  it("warns when there is none, or already one, as in the official package", async () => {
    const lines = await expectSame(({ Statsig }) => {
      const none = Statsig.shared()
      const first = Statsig.newShared("secret-key", offline)
      const second = Statsig.newShared("secret-key", offline)
      return [none === first, second === first, Statsig.shared() === first, second instanceof Statsig]
    })
    expect(lines).toContain("warn [Statsig] No shared instance")
    expect(lines).toContain("warn [Statsig] Shared instance has been created")
  })

  it("is not made from wrong arguments, as in the official package", async () => {
    await expectSame(({ Statsig }) => Statsig.newShared(5, offline))
    await expectSame(({ Statsig }) => Statsig.newShared("secret-key", { ...offline, specsUrl: 5 }))
    await expectSame(({ Statsig }) => Statsig.hasShared())
  })

  it("is one for a class and its subclasses, as in the official package, and works detached", async () => {
    await expectSame(({ Statsig }) => {
      class Mine extends Statsig {}
      const { hasShared, newShared, removeSharedInstance, shared } = Reflect.get(Mine, "prototype")
        .constructor as typeof Statsig
      const instance = newShared("secret-key", offline)
      return [
        instance instanceof Mine,
        instance instanceof Statsig,
        hasShared(),
        shared() === Statsig.shared(),
        removeSharedInstance()
      ]
    })
  })

  it("has the names of the Python package too", () => {
    expect(Statsig.hasSharedInstance()).toBe(false)
    Statsig.newShared("secret-key", offline as object)
    expect(Statsig.hasSharedInstance()).toBe(true)
    Statsig.removeShared()
    expect(Statsig.hasSharedInstance()).toBe(false)
  })

  it("is replaced by an instance that returns defaults, without a request", async () => {
    const { warn } = console
    console.warn = () => {}
    const instance = Statsig.shared()
    console.warn = warn
    const user = new StatsigUser({ userID: "u" })
    expect(instance.getFeatureGate(user, "gate").details.reason).toBe("Uninitialized")
    expect(await instance.initialize()).toEqual({ isSuccess: true })
    expect(instance.getFeatureGate(user, "gate").details.reason).toBe("NoValues")
  })
})
