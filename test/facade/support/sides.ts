/**
 * The official package and this one side by side: the same call on both, and everything that a program could observe as
 * one text.
 */
import { inspect } from "node:util"
import * as official from "@statsig/statsig-node-core"
import { expect } from "vitest"
import * as ours from "../../../layers/promise.js"
import { payload } from "./payload.js"

/** The members of both packages. Most calls here are wrong on purpose. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Side = Record<Name, any>

type Name =
  | "statsigCaptureLogLine"
  | "Statsig"
  | "StatsigUser"
  | "OverrideAdapterType"
  | "FeatureGate"
  | "DynamicConfig"
  | "Experiment"
  | "Layer"

/** The class and code of an error: each side has its own message. */
const describeError = (error: unknown): string => {
  const { code, constructor } = error as { readonly code?: string; readonly constructor: { readonly name: string } }
  return `${constructor.name} ${code ?? "without code"}`
}

/** Of the console only the text on the most common mistake is compared. */
const describeLogged = (item: unknown): string => {
  if (!(item instanceof Error)) return String(item)
  return item.message.startsWith("Expected StatsigUser")
    ? `${describeError(item)} ${item.message}`
    : describeError(item)
}

/** Any value as one text; only the time of receipt may differ. */
export const show = (value: unknown): string =>
  inspect(value, { depth: null, sorted: true, breakLength: Number.POSITIVE_INFINITY, compact: 100 }).replace(
    /(received_?[aA]t"?): ?\d{10,}/g,
    "$1: now"
  )

/** Runs a call and describes its outcome: what it returned or threw, and what it wrote to the console. */
export const outcome = async (call: () => unknown): Promise<string> => {
  const lines: Array<string> = []
  const original = { error: console.error, warn: console.warn }
  const capture =
    (level: string) =>
    (...input: ReadonlyArray<unknown>): void => {
      lines.push(`${level} ${input.map(describeLogged).join(" ")}`)
    }
  Object.assign(console, { error: capture("error"), warn: capture("warn") })
  try {
    lines.push(show(await call()))
  } catch (error) {
    lines.push(`throws ${describeError(error)}`)
  } finally {
    Object.assign(console, original)
  }
  return lines.join("\n")
}

export const officialSide: Side = official
export const ourSide: Side = ours

/** Expects the same outcome of a call on both sides, and returns it. */
export const expectSame = async (call: (side: Side) => unknown): Promise<string> => {
  const expected = await outcome(() => call(officialSide))
  const actual = await outcome(() => call(ourSide))
  expect(actual).toBe(expected)
  return actual
}

/** A data store that holds the payload. */
export const dataStore = (text: string = JSON.stringify(payload)) => ({
  initialize: async () => {},
  get: async () => ({ result: text, time: 1 }),
  set: async () => {},
  supportPollingUpdatesFor: async () => false,
  shutdown: async () => {}
})

/** Options with which neither side makes a request or writes lines. */
export const offline = { disableNetwork: true, outputLogLevel: "none" }

/** An instance of each side that holds the payload. */
export const initialized = async (options: object = {}) => {
  const make = async (side: Side) => {
    const statsig = new side.Statsig("secret-key", { ...offline, dataStore: dataStore(), ...options })
    expect(await statsig.initialize()).toEqual({ isSuccess: true })
    return statsig
  }
  return new Map([
    [officialSide, await make(officialSide)],
    [ourSide, await make(ourSide)]
  ])
}
