/**
 * Contextual bandits (autotune AI): which group a user gets.
 */

import type { Bucketers } from "../hashing/bucketing.js"
import type { Bandit, BanditModel } from "../specs.js"
import { compileUnit, readField, type Subject } from "./conditions.js"
import { numberOf, textOf, userJson } from "./values.js"

/** A group of a bandit. */
export type BanditGroup = Bandit["groups"][number]

/** A group that was picked. */
export interface BanditPick {
  readonly group: BanditGroup
  /** Appended to the rule id if the group was not picked by its score. */
  readonly suffix: string | undefined
  readonly by: "bucket" | "exploration" | "score" | "draw"
  /** The unit's bucket, from 0 to 9,999. */
  readonly bucket: number
}

/** A bandit ready to run. */
export interface CompiledBandit extends Bandit {
  readonly pick: (subject: Subject) => BanditPick
}

/** Compiles a bandit. */
export const compileBandit = (bandit: Bandit, bucketers: Bucketers): CompiledBandit => {
  const { config, groups } = bandit
  const unit = compileUnit(bandit.idType)
  const bucketer = bucketers.make(`${bandit.salt}.`, 10_000)
  return {
    ...bandit,
    pick: subject => {
      const bucket = bucketer.of(textOf(unit(subject.user)) ?? "")
      if (config === undefined) {
        const group = groups[Math.floor(bucket / (10_000 / groups.length))] as BanditGroup
        return { group, suffix: "explore", by: "bucket", bucket }
      }
      if (bucket < bandit.sampleRate * 10_000) {
        const weights = groups.map(group => 1 / ((config.get(group.id)?.records ?? 0) + 1))
        const group = drawWeighted(groups, weights, subject.host.random())
        return { group, suffix: "explore", by: "exploration", bucket }
      }
      return { ...bestGroup(bandit, config, subject), suffix: undefined, bucket }
    }
  }
}

const drawWeighted = (
  groups: ReadonlyArray<BanditGroup>,
  weights: ReadonlyArray<number>,
  draw: number
): BanditGroup => {
  let rest = draw * weights.reduce((sum, weight) => sum + weight, 0)
  for (let i = 0; i < groups.length; i++) {
    rest -= weights[i] as number
    if (rest < 0) return groups[i] as BanditGroup
  }
  return groups[groups.length - 1] as BanditGroup
}

/**
 * The group with the best score; groups without a score are skipped. The first of equal scores wins. If no score is
 * better than the worst possible one (or than NaN), the first group wins, even without a score.
 */
const bestGroup = (
  bandit: Bandit,
  config: ReadonlyMap<string, BanditModel>,
  subject: Subject
): Pick<BanditPick, "group" | "by"> => {
  const { groups, higherIsBetter } = bandit
  let best = groups[0] as BanditGroup
  let bestScore = higherIsBetter ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  let isScored = false
  for (const group of groups) {
    const score = scoreOf(config.get(group.id), subject)
    if (score === undefined) continue
    isScored = true
    if (higherIsBetter ? score > bestScore : score < bestScore) {
      best = group
      bestScore = score
    }
  }
  if (isScored) return { group: best, by: "score" }
  const weights = groups.map(() => 1)
  return { group: drawWeighted(groups, weights, subject.host.random()), by: "draw" }
}

/** The score of a group for the user; `undefined` without a model that has weights. */
export const scoreOf = (model: BanditModel | undefined, subject: Subject): number | undefined => {
  if (model === undefined || model.weightsNumerical.size + model.weightsCategorical.size === 0) return undefined
  let score = model.intercept + model.alpha
  for (const [field, weights] of model.weightsCategorical) {
    const value = readField(subject, field)
    if (value === undefined) continue
    score += weights.get(textOf(value) ?? userJson(value)) ?? 0
  }
  for (const [field, weight] of model.weightsNumerical) score += weight * (numberOf(readField(subject, field)) ?? 0)
  return score
}
