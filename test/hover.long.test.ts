/** What an editor shows for options: the completion list within `{ }`, and the text for each entry. */

import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import ts from "typescript"
import * as StatsigOptions from "../src/StatsigOptions.js"

const root = resolve(import.meta.dirname, "..")

/** Functions that build a layer from options. */
const layers = [
  "CountryLookup/MaxMind.layer",
  "DataStore/File.layer",
  "DataStore/Memory.layer",
  "DataStore/Redis.layer",
  "DataStore/RedisFleet.layer",
  "Evaluator.layer",
  "EventLogger.layer",
  "EventSink/File.layer",
  "EventSink/Http.layer",
  "EventSink/Memory.layer",
  "HttpClient/Node.layerWith",
  "IdLists/Http.layer",
  "LocalStatsig/Node.layer",
  "OpenFeature.make",
  "Overrides/File.layer",
  "PersistentStorage/Redis.layer",
  "SpecSource/Bootstrap.layer",
  "SpecSource/DataStore.layer",
  "SpecSource/File.layer",
  "SpecSource/Http.layer",
  "SpecStore.layer",
  "Statsig.layer",
  "Statsig.layerFrom",
  "Statsig.layerOffline",
  "Telemetry.layer"
]

/** Calls that take options. The bar marks the cursor. */
const calls = new Map([
  ...layers.map(name => {
    const [module, maker] = name.split(".")
    return [name, `(await import("./layers/${module}.js")).${maker}({ | })`] as const
  }),
  ["the facade", 'new Statsig("secret-key", { | })'],
  ["the facade's proxy", 'new Statsig("secret-key", { proxyConfig: { | } })'],
  ["the facade's sources", 'new Statsig("secret-key", { specAdaptersConfig: [{ | }] })'],
  ["the facade's console capture", 'new Statsig("secret-key", { consoleCaptureOptions: { | } })'],
  ["the facade's data store in Redis", "redisDataStore({ | })"]
])

const program = `
import { redisDataStore, Statsig } from "./layers/promise.js"
${[...calls.values()].join(";\n")}
`
const file = join(root, "program.ts")

const editor = () => {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const textOf = (path: string) => (path === file ? program.replaceAll("|", " ") : ts.sys.readFile(path))
  return ts.createLanguageService({
    getCompilationSettings: () => options,
    getCurrentDirectory: () => root,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    getScriptFileNames: () => [file],
    getScriptSnapshot: path => {
      const text = textOf(path)
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
    },
    getScriptVersion: () => "1",
    fileExists: path => path === file || ts.sys.fileExists(path),
    readFile: textOf,
    directoryExists: ts.sys.directoryExists
  })
}

describe("an editor", () => {
  const service = editor()

  /** The options offered within the call, with their texts. */
  const offered = (name: string): ReadonlyMap<string, string> => {
    const call = calls.get(name)!
    const at = program.indexOf(call) + call.indexOf("|")
    const { entries } = service.getCompletionsAtPosition(file, at, {})!
    return new Map(
      entries.map(({ name }) => {
        const details = service.getCompletionEntryDetails(file, at, name, {}, undefined, {}, undefined)
        return [name, ts.displayPartsToString(details?.documentation)]
      })
    )
  }

  for (const name of calls.keys()) {
    it(`says what each option of ${name} is for`, { timeout: 60_000 }, () => {
      const texts = offered(name)
      assert.isAbove(texts.size, 0)
      assert.deepStrictEqual(
        [...texts].filter(([, text]) => text === "").map(([option]) => option),
        []
      )
    })
  }

  it("offers each option that the presets read", { timeout: 60_000 }, () => {
    const names = (fields: object) => Object.keys(fields).sort()
    const texts = (call: string) => [...offered(call).keys()].sort()
    assert.deepStrictEqual(texts("Statsig.layer"), names(StatsigOptions.StatsigOptions.fields))
  })

  it("says the default of each option of the preset", { timeout: 60_000 }, () => {
    for (const [option, text] of offered("Statsig.layer")) {
      assert.match(text, option === "sdkKey" ? /Redacted/ : /Default:\s/, option)
    }
  })

  it("says the default that is in use, in both APIs", { timeout: 60_000 }, () => {
    const texts = offered("Statsig.layer")
    const ofFacade = offered("the facade")
    const said = (text = "") => text.slice(text.search(/Default:\s/))
    for (const [name, row] of Object.entries(StatsigOptions.optionTable)) {
      if (!("default" in row)) continue
      const value = typeof row.default === "number" ? row.default.toLocaleString("en-US") : String(row.default)
      const millis = ofFacade.get(`${name}Ms`)
      assert.include(said(texts.get(name)), value, name)
      if (millis === undefined) assert.include(said(ofFacade.get(name)), value, name)
      else assert.include(said(millis), `${Duration.toMillis(value as Duration.DurationInput)}`, name)
    }
  })

  it("says the same of an option of that name in both APIs", { timeout: 60_000 }, () => {
    const ofFacade = offered("the facade")
    const common = [...offered("Statsig.layer")].filter(([option]) => ofFacade.has(option))
    assert.isAbove(common.length, 20)
    for (const [option, text] of common) assert.strictEqual(ofFacade.get(option), text, option)
  })
})
