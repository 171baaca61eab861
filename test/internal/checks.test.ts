import { assert, describe, it } from "vitest"
import type { Service as Evaluator } from "../../src/Evaluator.js"
import type { EventLogger } from "../../src/EventLogger.js"
import { Evaluation } from "../../src/engine/evaluate/evaluation.js"
import type { Exposure } from "../../src/engine/events/events.js"
import type { JsonObject } from "../../src/engine/json.js"
import type { Parameter } from "../../src/engine/specs.js"
import { User } from "../../src/engine/user.js"
import { type Checked, Checks } from "../../src/internal/checks.js"
import { makeListeners } from "../../src/internal/listeners.js"

const user = new User({ userID: "u" })

const evaluationOf = (bool: boolean, value?: JsonObject): Evaluation => {
  const evaluation = new Evaluation()
  evaluation.bool = bool
  evaluation.value = value
  return evaluation
}

/** Checks over an evaluator that answers everything, with what was asked of it and what was logged. */
const start = () => {
  const asked: Array<unknown> = []
  const logged: Array<Omit<Exposure, "user" | "evaluation">> = []
  const counted: Array<string> = []
  const told: Array<Pick<Checked, "kind" | "name">> = []
  const answer = evaluationOf(true, { color: "blue" })
  const ask =
    (kind: string) =>
    (_: User, name: string, disabled: boolean, sticky?: object): Evaluation => {
      asked.push([kind, name, disabled, sticky])
      return answer
    }
  const evaluator = {
    gate: ask("gate"),
    dynamicConfig: ask("dynamicConfig"),
    experiment: ask("experiment"),
    layer: ask("layer")
  } as Partial<Evaluator> as Evaluator
  const logger = {
    logExposure: ({ kind, name, origin, parameter }: Exposure) => void logged.push({ kind, name, origin, parameter }),
    countNonExposed: (name: string) => void counted.push(name)
  } as Partial<EventLogger["Type"]> as EventLogger["Type"]
  const listeners = makeListeners<Checked>()
  listeners.add(({ kind, name }) => void told.push({ kind, name }))
  return { checks: new Checks(evaluator, logger, listeners), asked, logged, counted, told }
}

describe("a check", () => {
  it("evaluates once, logs one exposure and notifies the listeners", () => {
    const { asked, checks, counted, logged, told } = start()
    assert.isTrue(checks.checkGate(user, "g"))
    assert.deepStrictEqual(asked, [["gate", "g", false, undefined]])
    assert.deepStrictEqual(logged, [{ kind: "gate", name: "g", origin: "check", parameter: undefined }])
    assert.deepStrictEqual(told, [{ kind: "gate", name: "g" }])
    assert.deepStrictEqual(counted, [])
  })

  it("is only counted when its exposure is disabled", () => {
    const { checks, counted, logged, told } = start()
    checks.dynamicConfig(user, "c", { disableExposureLogging: true })
    assert.deepStrictEqual([logged, counted], [[], ["c"]])
    assert.lengthOf(told, 1)
  })

  it("of a gate with details logs the experiments that conditions read even when its exposure is disabled", () => {
    const { asked, checks } = start()
    checks.gate(user, "g", { disableExposureLogging: true })
    checks.checkGate(user, "g", { disableExposureLogging: true })
    assert.deepStrictEqual(asked, [
      ["gate", "g", false, undefined],
      ["gate", "g", true, undefined]
    ])
  })

  it("of a layer logs each parameter that is read, and not the layer", () => {
    const { checks, logged } = start()
    const { expose } = checks.layer(user, "l")
    assert.deepStrictEqual(logged, [])
    expose("color")
    assert.deepStrictEqual(logged, [{ kind: "layer", name: "l", origin: "get", parameter: "color" }])
  })

  it("of a layer keeps the settings that it was made with", () => {
    const { checks, counted, logged } = start()
    const settings = { disableExposureLogging: true }
    const { expose } = checks.layer(user, "l", settings)
    settings.disableExposureLogging = false
    expose("color")
    assert.deepStrictEqual([logged, counted], [[], ["l", "l"]])
  })

  it("by hand logs the current answer and notifies nobody", () => {
    const { checks, logged, told } = start()
    checks.exposeManually("layer", user, "l", "color")
    assert.deepStrictEqual(logged, [{ kind: "layer", name: "l", origin: "manual", parameter: "color" }])
    assert.deepStrictEqual(told, [])
  })
})

describe("a parameter of a parameter store", () => {
  const resolve = (parameter: Parameter) => {
    const all = start()
    return { ...all, resolved: all.checks.resolve(user, parameter) }
  }

  it("has a value of its own without a check", () => {
    const { asked, resolved } = resolve({ kind: "static", value: 5 })
    assert.deepStrictEqual([resolved.value, asked], [5, []])
  })

  it("takes the value that a gate chooses, and logs a check of the gate", () => {
    const { logged, resolved } = resolve({ kind: "gate", gateName: "g", passValue: "on", failValue: "off" })
    assert.strictEqual(resolved.value, "on")
    assert.deepStrictEqual(logged, [{ kind: "gate", name: "g", origin: "check", parameter: undefined }])
  })

  it("takes a parameter of an experiment, and goes by the sticky assignment of the experiment", () => {
    const { asked, logged, resolved } = resolve({
      kind: "experiment",
      experimentName: "e",
      parameterName: "color"
    })
    assert.strictEqual(resolved.value, "blue")
    assert.deepStrictEqual(asked, [["experiment", "e", false, { isReference: true }]])
    assert.deepStrictEqual(logged, [{ kind: "experiment", name: "e", origin: "parameterStore", parameter: undefined }])
  })

  it("takes a parameter of a layer, and logs it when it is exposed", () => {
    const { logged, resolved } = resolve({ kind: "layer", layerName: "l", parameterName: "color" })
    assert.strictEqual(resolved.value, "blue")
    assert.deepStrictEqual(logged, [])
    resolved.expose?.()
    assert.deepStrictEqual(logged, [{ kind: "layer", name: "l", origin: "parameterStore", parameter: "color" }])
  })

  it("has no value where the config lacks the parameter", () => {
    const { resolved } = resolve({ kind: "dynamicConfig", configName: "c", parameterName: "size" })
    assert.isUndefined(resolved.value)
  })
})
