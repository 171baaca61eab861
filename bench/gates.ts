/** Ten gates, each open for half of the users, for benchmarks of events only. */

/** Their names. */
export const gates = Array.from({ length: 10 }, (_, index) => `gate_${index}`)

/** The project. */
export const specs = {
  has_updates: true,
  time: 1_700_000_000_000,
  feature_gates: Object.fromEntries(
    gates.map(name => [
      name,
      {
        type: "feature_gate",
        entity: "feature_gate",
        salt: name,
        enabled: true,
        defaultValue: false,
        idType: "userID",
        version: 3,
        rules: [
          {
            name: "half",
            id: `${name}_half`,
            salt: "half",
            passPercentage: 50,
            returnValue: true,
            conditions: ["everyone"],
            idType: "userID"
          }
        ]
      }
    ])
  ),
  dynamic_configs: {},
  layer_configs: {},
  condition_map: {
    everyone: { type: "public", targetValue: null, operator: null, field: null, additionalValues: {}, idType: "userID" }
  },
  experiment_to_layer: {},
  // No events except the exposures.
  diagnostics: { initialize: 0, dcs: 0 }
}
