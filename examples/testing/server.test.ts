/** Tests of a program of the Promise API: the class of its client is replaced. */

import type { StatsigTest } from "statsig-effect/promise"
import { beforeEach, expect, it, vi } from "vitest"
import { greeting, start } from "./server.js"

const double = vi.hoisted(() => ({}) as StatsigTest)

vi.mock("statsig-effect/promise", async original => {
  const real = await original<typeof import("statsig-effect/promise")>()
  Object.assign(double, real.makeStatsigTest())
  return { ...real, Statsig: double.Statsig }
})

beforeEach(() => double.test.reset())

it("starts without a network", async () => {
  expect(await start()).toEqual({ isSuccess: true })
})

it("greets users warmly when the gate is open for them", () => {
  double.test.set({ gate: "warm_welcome", value: true, id: "ada" })
  expect(greeting("ada")).toBe("Welcome back, ada!")
  expect(greeting("ben")).toBe("Hello.")
  expect(double.test.exposures.map(({ userID, value }) => [userID, value])).toEqual([
    ["ada", true],
    ["ben", false]
  ])
})
