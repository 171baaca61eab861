/** One experiment on the price page in its stages: how many see the new page, and whether it is active. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { SpecSource } from "statsig-effect"

/** The state of the experiment `price_page`. */
export interface PricePage {
  /** Percentage of the users who see the new page. */
  readonly newPage: number
  readonly isActive: boolean
}

const group = (name: string, passPercentage: number) => ({
  name,
  id: name.toLowerCase().replaceAll(" ", "_"),
  groupName: name,
  isExperimentGroup: true,
  passPercentage,
  returnValue: { layout: name },
  conditions: [`first ${passPercentage}`],
  idType: "userID",
  salt: ""
})

const bucket = (percentage: number) => ({
  type: "user_bucket",
  operator: "lt",
  targetValue: percentage * 10,
  additionalValues: { salt: "price_page" },
  idType: "userID"
})

const payload = (time: number, { isActive, newPage }: PricePage): string =>
  JSON.stringify({
    has_updates: true,
    time,
    feature_gates: {},
    layer_configs: {},
    experiment_to_layer: {},
    condition_map: { "first 100": bucket(100), [`first ${newPage}`]: bucket(newPage) },
    dynamic_configs: {
      price_page: {
        type: "dynamic_config",
        entity: "experiment",
        salt: "price_page",
        enabled: true,
        isActive,
        defaultValue: { layout: "Old page" },
        idType: "userID",
        rules: [{ ...group("New page", newPage), passPercentage: 100 }, group("Old page", 100)]
      }
    }
  })

/** A source of specs that follows the experiment. */
export const layerFollowing = (
  experiment: SubscriptionRef.SubscriptionRef<PricePage>
): Layer.Layer<SpecSource.SpecSource> => {
  let time = 1_700_000_000_000
  const fetch: SpecSource.SpecSource["Type"]["fetch"] = (_request, apply) =>
    Effect.flatMap(SubscriptionRef.get(experiment), state =>
      apply({ source: "Adapter(Example)", sourceApi: undefined, body: payload(++time, state) })
    )
  return Layer.succeed(SpecSource.SpecSource, {
    name: "Adapter(Example)",
    fetch,
    polls: Effect.succeed(false),
    updates: Stream.as(Stream.drop(experiment.changes, 1), fetch)
  })
}
