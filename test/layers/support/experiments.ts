/**
 * Specs with an experiment, a layer over it and a gate on its group, which change while users have sticky assignments.
 */
import { payload } from "./specs.js"

export interface ExperimentState {
  /** The current group of everybody. */
  readonly group?: string
  readonly isActive?: boolean
  readonly time?: number
  /** Whether everybody fails targeting, or meets an override rule. */
  readonly rule?: "targetingGate" | "id_override"
  /** How exposures are sampled: the mode of the project, and fields of the rule and of the spec of `button`. */
  readonly sampling?: {
    readonly mode: "on" | "shadow"
    readonly samplingRate?: number
    readonly forwardAllExposures?: boolean
  }
}

const rule = (id: string, fields: object) => ({
  name: id,
  id,
  passPercentage: 100,
  returnValue: { color: id },
  conditions: ["public"],
  idType: "userID",
  ...fields
})

const spec = (entity: string, rules: ReadonlyArray<object>, fields: object) => ({
  type: "dynamic_config",
  entity,
  salt: "salt",
  enabled: true,
  defaultValue: { color: "default" },
  idType: "userID",
  rules,
  ...fields
})

/** The payload: experiments `button` and, by company, `banner`; layer `home` over `button`, layer `plain`; gate `in_a`; a store. */
export const experimentSpecs = ({
  group = "A",
  isActive = true,
  rule: special,
  sampling,
  time
}: ExperimentState = {}): string =>
  payload({
    ...(time === undefined ? {} : { time }),
    fields: {
      sdk_configs: sampling === undefined ? undefined : { sampling_mode: sampling.mode },
      feature_gates: {
        in_a: spec("feature_gate", [rule("in_a", { returnValue: true, conditions: ["group_a"] })], {
          defaultValue: false
        })
      },
      dynamic_configs: {
        button: spec(
          "experiment",
          [
            ...(special === undefined ? [] : [rule(special, {})]),
            rule(`group_${group}`, {
              groupName: group,
              isExperimentGroup: true,
              samplingRate: sampling?.samplingRate
            })
          ],
          {
            isActive,
            version: 4,
            explicitParameters: ["color"],
            forwardAllExposures: sampling?.forwardAllExposures
          }
        ),
        banner: spec(
          "experiment",
          [rule(`group_${group}`, { groupName: group, isExperimentGroup: true, idType: "companyID" })],
          { isActive, idType: "companyID" }
        )
      },
      layer_configs: {
        home: spec("layer", [rule("home", { configDelegate: "button" })], {}),
        // No experiment is behind it, so its own rule decides on sampling.
        plain: spec(
          "layer",
          [rule(`group_${group}`, { isExperimentGroup: true, samplingRate: sampling?.samplingRate })],
          { isActive, forwardAllExposures: sampling?.forwardAllExposures }
        )
      },
      condition_map: {
        public: { type: "public", idType: "userID" },
        group_a: { type: "experiment_group", idType: "userID", field: "button", operator: "any", targetValue: ["A"] }
      },
      param_stores: {
        links: {
          parameters: {
            color: { ref_type: "experiment", param_type: "string", experiment_name: "button", param_name: "color" },
            fixed: { ref_type: "static", param_type: "string", value: "fixed" }
          }
        }
      }
    }
  })
