/**
 * Statsig's browser SDK, started from what the server put into the page: it asks nobody.
 */
import { StatsigClient } from "@statsig/js-client"
import { type Answers, answersOf } from "./answers.js"

/** What the client answers, and where it has that from. */
export interface ClientAnswers {
  readonly answers: Answers
  /** `Bootstrap:Recognized` when it uses the server's values. */
  readonly reason: string
}

/** Starts a client from the values and asks it for everything that the page shows. */
export const askClient = (values: string): ClientAnswers => {
  const { user } = JSON.parse(values)
  // A shop would let it log exposures; there is no Statsig here that takes them.
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
