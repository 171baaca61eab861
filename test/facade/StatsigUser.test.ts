import { describe, expect, it } from "vitest"
import { StatsigUser } from "../../layers/promise.js"
import { expectSame, type Side, show } from "./support/sides.js"

/** All that a program can read of a user. */
// biome-ignore lint/suspicious/noExplicitAny: of either side
const read = (user: any) => ({
  json: user.toJSON(),
  texts: [user.userID, user.email, user.ip, user.userAgent, user.country, user.locale, user.appVersion],
  maps: [user.customIDs, user.custom, user.privateAttributes, user.statsigEnvironment]
})

const noFunction = () => 1

class Record_ {
  a = 1
  get hidden() {
    return 2
  }
}

const inheriting = Object.assign(Object.create({ inherited: "i" }), { own: "o" })

const scalars: ReadonlyArray<unknown> = [
  "s",
  "half a pair \ud83d",
  ["\ude00"],
  "",
  5,
  5.5,
  -0,
  -5,
  1e21,
  1e-7,
  1e300,
  4294967296,
  true,
  false,
  null,
  undefined,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  noFunction,
  Symbol("s"),
  1n
]

const structures: ReadonlyArray<unknown> = [
  [],
  [1, "a", null, true],
  [1.5, 1e21, 4294967296, -0],
  [undefined],
  [1, undefined, 2],
  // biome-ignore lint/suspicious/noSparseArray: a hole is what is tried
  [, 1],
  [[undefined]],
  [[1], { a: 1 }],
  [Number.NaN],
  [[Number.NaN]],
  [noFunction],
  [Symbol("s")],
  {},
  { a: 1, b: { c: [2] } },
  { a: null, b: undefined },
  { a: undefined },
  { a: [undefined] },
  { a: Number.NaN },
  { a: -0, b: [-0] },
  { a: noFunction },
  { a: Symbol("s") },
  new Date(0),
  new Map([["a", 1]]),
  new Set([1]),
  new Record_(),
  new Error("e"),
  new String("w"),
  new Number(3),
  new Uint8Array([1, 2]),
  Buffer.from("ab"),
  Object.assign([1, 2], { extra: 1 }),
  Object.assign(() => 1, { a: 1 }),
  inheriting,
  { a: inheriting },
  [inheriting],
  { __proto__: null, z: "1" }
]

/** Without an array of bigints: where a text is expected the official package fails to report it. */
const anything = [...scalars, ...structures]

const textFields = ["userID", "email", "ip", "userAgent", "country", "locale", "appVersion"]
const mapFields = ["customIDs", "custom", "privateAttributes", "statsigEnvironment"]

describe("new StatsigUser", () => {
  const wholes = [
    undefined,
    null,
    {},
    [],
    "x",
    5,
    true,
    noFunction,
    new Map(),
    { userID: undefined },
    { userID: "" },
    { userID: "u" },
    { customIDs: {} },
    { customIDs: { a: "b" } },
    { userID: "u", customIDs: {} },
    { customIDs: undefined, email: "e" },
    { userID: "u", unknown: 1 },
    { email: "e" },
    Object.create({ userID: "inherited" })
  ]

  it.each(wholes.map(args => [show(args), args]))("accepts %s as the official class does", async (_, args) => {
    await expectSame(({ StatsigUser }) => read(new StatsigUser(args)))
  })

  it.each(textFields)("accepts or refuses any %s as the official class does", async field => {
    for (const value of anything) {
      await expectSame(({ StatsigUser }) => read(new StatsigUser({ customIDs: {}, [field]: value })))
    }
  })

  it.each(mapFields)("accepts or refuses any value for the map %s as the official class does", async field => {
    for (const value of anything) {
      await expectSame(({ StatsigUser }) => read(new StatsigUser({ userID: "u", [field]: value })))
    }
  })

  it.each(mapFields)("accepts or refuses any member of %s as the official class does", async field => {
    for (const value of anything) {
      await expectSame(({ StatsigUser }) => read(new StatsigUser({ userID: "u", [field]: { k: value, z: "z" } })))
    }
  })

  it("throws for another user, as the official class does", async () => {
    await expectSame(({ StatsigUser }) => new StatsigUser(new StatsigUser({ userID: "u" })))
  })

  it("rethrows what an accessor throws", async () => {
    const args = {
      userID: "u",
      custom: {
        get broken(): string {
          throw new RangeError("mine")
        }
      }
    }
    await expectSame(({ StatsigUser }) => new StatsigUser(args))
  })

  it("copies its arguments", () => {
    const args = { userID: "u", customIDs: { a: "b" }, custom: { plain: "p", list: [1], map: { x: 1 } } }
    const user = new StatsigUser(args)
    args.customIDs.a = "changed"
    args.custom.plain = "changed"
    args.custom.list.push(2)
    args.custom.map.x = 2
    expect(user.toJSON()).toEqual({
      userID: "u",
      customIDs: { a: "b" },
      custom: { plain: "p", list: [1], map: { x: 1 } }
    })
  })

  it("keeps hostile names", () => {
    const custom = JSON.parse('{"__proto__":"p","constructor":"c","":"e","toString":"t","nested":{"__proto__":[1]}}')
    const user = new StatsigUser({ userID: "u", custom, customIDs: JSON.parse('{"__proto__":"p"}') })
    expect(JSON.stringify(user.toJSON().custom)).toBe(JSON.stringify(custom))
    expect(JSON.stringify(user.customIDs)).toBe('{"__proto__":"p"}')
    expect(Object.getPrototypeOf(user.custom)).toBe(Object.prototype)
  })

  it("cuts a cycle, and drops what is nested too deep", () => {
    const cycle: Record<string, unknown> = {}
    cycle["self"] = cycle
    expect(JSON.stringify(new StatsigUser({ userID: "u", custom: { cycle } })).length).toBeLessThan(2000)
  })
})

describe("the factories", () => {
  it("make users as the official ones do", async () => {
    for (const value of anything) {
      await expectSame(({ StatsigUser }) => read(StatsigUser.withUserID(value)))
      await expectSame(({ StatsigUser }) => read(StatsigUser.withCustomIDs(value)))
      await expectSame(({ StatsigUser }) => read(StatsigUser.withCustomIDs({ k: value })))
    }
  })
})

describe("the setters", () => {
  const full = {
    userID: "u",
    email: "e",
    ip: "1.2.3.4",
    userAgent: "ua",
    country: "US",
    locale: "en",
    appVersion: "1.0",
    customIDs: { old: "1" },
    custom: { old: "1" },
    privateAttributes: { old: "1" },
    statsigEnvironment: { old: "1" }
  }

  it.each([...textFields, ...mapFields])("assign anything to %s as the official ones do", async field => {
    for (const value of anything) {
      await expectSame(({ StatsigUser }: Side) => {
        const user = new StatsigUser(full)
        user[field] = value
        return read(user)
      })
    }
  })

  it.each(mapFields)("assign any member of %s as the official ones do", async field => {
    for (const value of anything) {
      await expectSame(({ StatsigUser }: Side) => {
        const user = new StatsigUser(full)
        user[field] = { k: value, z: "z" }
        return read(user)
      })
    }
  })

  it("leave the user as it was when they throw", () => {
    const user = new StatsigUser({ userID: "u", custom: { a: 1 } })
    expect(() => {
      user.custom = { a: Number.NaN }
    }).toThrow()
    expect(user.toJSON()).toEqual({ userID: "u", custom: { a: 1 } })
  })
})

describe("a user", () => {
  const full = {
    appVersion: "1.0",
    custom: { a: [1] },
    customIDs: { companyID: "c" },
    country: "US",
    statsigEnvironment: { tier: "staging" },
    privateAttributes: { secret: "s" },
    email: "e",
    ip: "1.2.3.4",
    locale: "en",
    userAgent: "ua",
    userID: "u"
  }

  it("has no own keys and serialises as the official class does", async () => {
    await expectSame(({ StatsigUser }) => {
      const user = new StatsigUser(full)
      const deleted = delete user.userID
      user.foreign = 1
      return [deleted, Object.keys(user), { ...user }, user, String(user), { user }, user instanceof StatsigUser]
    })
    await expectSame(({ StatsigUser }) => JSON.stringify(Object.keys(new StatsigUser(full).toJSON())))
  })

  it("lists its fields in for…in, like the official class", async () => {
    await expectSame(({ StatsigUser }) => {
      const copy: Record<string, unknown> = {}
      const user = new StatsigUser(full)
      for (const key in user) copy[key] = user[key]
      return { ...copy, toJSON: typeof copy["toJSON"] }
    })
  })

  it("never serialises private attributes", () => {
    const user = new StatsigUser(full)
    expect(JSON.stringify(user)).not.toContain("secret")
    expect(show(user)).not.toContain("secret")
    expect(user.privateAttributes).toEqual({ secret: "s" })
  })

  it("returns fresh copies", () => {
    const user = new StatsigUser(full)
    const custom = user.custom as Record<string, Array<number>>
    custom["a"]?.push(2)
    Object.assign(user.customIDs ?? {}, { companyID: "changed" })
    user.toJSON().custom.a.push(3)
    expect(user.custom).toEqual({ a: [1] })
    expect(user.customIDs).toEqual({ companyID: "c" })
  })

  it("serialises its own fields in a subclass, as the official class does", async () => {
    await expectSame(({ StatsigUser }) => {
      class Named extends StatsigUser {
        get email() {
          return "overridden"
        }
      }
      const user = Reflect.construct(Named, [{ userID: "u", email: "real" }])
      return [user.email, JSON.stringify(user)]
    })
  })
})
