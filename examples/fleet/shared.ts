/** Shared by the members and the process that starts them. */

/** The settings that a member gets when it starts. */
export interface MemberInput {
  readonly name: string
  readonly sdkKey: string
  readonly redisUrl: string
  readonly specsUrl: string
  readonly intervalMs: number
}

export const users = Array.from({ length: 10 }, (_, index) => `u-${index}`)

/** A gate that is open for this percentage of the users, with the current time. */
export const specsOf = (percentage: number) => ({
  has_updates: true,
  time: Date.now(),
  feature_gates: {
    new_checkout: {
      type: "feature_gate",
      entity: "feature_gate",
      salt: "new_checkout",
      enabled: true,
      defaultValue: false,
      idType: "userID",
      rules: [
        {
          name: "everyone",
          id: "everyone",
          salt: "everyone",
          passPercentage: percentage,
          returnValue: true,
          conditions: ["public"],
          idType: "userID"
        }
      ]
    }
  },
  dynamic_configs: {},
  layer_configs: {},
  condition_map: { public: { type: "public", idType: "userID", additionalValues: {} } },
  experiment_to_layer: {}
})
