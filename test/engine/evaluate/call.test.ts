/** One evaluation, from a name to a finished record, compared with the official package's. */
import { describe, expect, it } from "vitest"
import { User } from "../../../src/engine/user.js"
import { gateSpec, payload } from "../../layers/support/specs.js"
import { engineOver, parseSpecs } from "../support/engine.js"
import { runVectors } from "../support/runVectors.js"

runVectors(name => name !== "sticky" && !name.startsWith("overrides"))

const passes = (name: string) => ({ type: "pass_gate", targetValue: name, idType: "" })
const user = new User({ userID: "u" })

describe("limits", () => {
  it("end gates that nest each other in a cycle with an error, and allow the next check", async () => {
    const snapshot = await parseSpecs(
      payload({
        fields: {
          feature_gates: {
            a: gateSpec(true, ["asks b"]),
            b: gateSpec(true, ["asks a"]),
            open: gateSpec(true, ["public"])
          },
          condition_map: { "asks a": passes("a"), "asks b": passes("b"), public: { type: "public", idType: "" } }
        }
      })
    )
    const engine = engineOver(snapshot)
    for (let i = 0; i < 2; i++) {
      expect(engine.evaluate("gate", user, "a", false)).toMatchObject({
        bool: false,
        failed: true,
        reason: "Error:Statsig Evaluation Depth Exceeded"
      })
      expect(engine.evaluate("gate", user, "open", false).bool).toBe(true)
    }
  })

  it("end a check with too many secondary exposures", async () => {
    const levels = Array.from({ length: 40 }, (_, level) => level)
    const engine = engineOver(
      await parseSpecs(
        payload({
          fields: {
            feature_gates: Object.fromEntries(
              levels.map(level => [
                `g${level}`,
                gateSpec(true, level === 0 ? ["public"] : [`asks ${level - 1}`, `asks ${level - 1}`])
              ])
            ),
            condition_map: {
              public: { type: "public", idType: "" },
              ...Object.fromEntries(levels.map(level => [`asks ${level}`, passes(`g${level}`)]))
            }
          }
        })
      )
    )
    expect(engine.evaluate("gate", user, "g20", false).secondaryExposures).toHaveLength(2 ** 21 - 2)
    expect(engine.evaluate("gate", user, "g39", false).reason).toMatch(/^Error:more than \d+ secondary exposures/)
  })
})

describe("without specs", () => {
  it.each([
    ["NoValues", "NoValues"],
    ["Uninitialized", "Uninitialized"],
    ["Loading", "Loading:Unrecognized"]
  ])("the source %s gives the reason %s", (source, reason) =>
    expect(engineOver(undefined, { source }).evaluate("gate", user, "gate", false)).toMatchObject({
      bool: false,
      reason
    })
  )
})
