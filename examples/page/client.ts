/** Statsig's browser SDK, started from the values in the page, without a request. */
import { StatsigClient } from "@statsig/js-client"
import { type Answers, answersOf } from "./answers.js"

/** The client's values, and their source. */
export interface ClientAnswers {
  readonly answers: Answers
  /** `Bootstrap:Recognized` when it uses the server's values. */
  readonly reason: string
}

/** Starts a client from the values and reads everything that the page shows. */
export const askClient = (values: string): ClientAnswers => {
  const { user } = JSON.parse(values)
  // A shop would let it log exposures; here no Statsig receives them.
  const client = new StatsigClient("client-shop", user, { loggingEnabled: "disabled" })
  client.dataAdapter.setData(values)
  client.initializeSync()
  return {
    answers: answersOf({
      gate: name => client.checkGate(name),
      config: (name, parameter) => client.getDynamicConfig(name).get(parameter),
      experiment: (name, parameter) => client.getExperiment(name).get(parameter),
      layer: (name, parameter) => client.getLayer(name).get(parameter),
      store: (name, parameter, fallback) => client.getParameterStore(name).get(parameter, fallback)
    }),
    reason: client.getFeatureGate("new_checkout").details.reason
  }
}
