/**
 * Lists of secondary exposures.
 *
 * A gate that is nested twice adds its whole list twice, so a list can double with each level of nesting. A long list
 * is therefore a tree with shared parts, and becomes an array only when it is read.
 */

/** A nested gate that was evaluated, as it is logged. */
export interface SecondaryExposure {
  readonly gate: string
  /** The gate's own result, not inverted by `fail_gate`. */
  readonly gateValue: "true" | "false"
  readonly ruleID: string
}

/** A list in evaluation order. */
export type Exposures = ReadonlyArray<SecondaryExposure> | Joined

/** Two lists, one after the other. */
class Joined {
  readonly left: Exposures
  readonly right: Exposures
  readonly length: number

  constructor(left: Exposures, right: Exposures) {
    this.left = left
    this.right = right
    this.length = left.length + right.length
  }
}

/** Up to this length lists are plain arrays. */
const maxPlain = 256

/** The shared empty list, so that an evaluation without nested gates allocates none. */
export const noExposures: Exposures = []

/** Appends the second list to the first. */
export const join = (left: Exposures, right: Exposures): Exposures => {
  if (right.length === 0) return left
  if (left.length === 0) return right
  if (left instanceof Joined || right instanceof Joined || left.length + right.length > maxPlain) {
    return new Joined(left, right)
  }
  return [...left, ...right]
}

/** Whether the list is too long to cache data derived from it. */
export const isLong = (exposures: Exposures): boolean => exposures instanceof Joined

/** The list as an array. */
export const listOf = (exposures: Exposures): ReadonlyArray<SecondaryExposure> => {
  if (!(exposures instanceof Joined)) return exposures
  const list = new Array<SecondaryExposure>(exposures.length)
  let end = list.length
  const ahead: Array<Exposures> = [exposures]
  // Backwards, so that a list built by joining one by one needs no long stack.
  for (let part = ahead.pop(); part !== undefined; part = ahead.pop()) {
    if (part instanceof Joined) ahead.push(part.left, part.right)
    else for (let i = part.length - 1; i >= 0; i--) list[--end] = part[i]!
  }
  return list
}

/** The list without repetitions of parts that were joined more than once. */
export const shortened = (exposures: Exposures): ReadonlyArray<SecondaryExposure> => {
  if (!(exposures instanceof Joined)) return exposures
  const list: Array<SecondaryExposure> = []
  const seen = new Set<Exposures>()
  const ahead: Array<Exposures> = [exposures]
  for (let part = ahead.pop(); part !== undefined; part = ahead.pop()) {
    if (seen.has(part)) continue
    seen.add(part)
    if (part instanceof Joined) ahead.push(part.right, part.left)
    else for (const exposure of part) list.push(exposure)
  }
  return list
}

/** Each exposure of the list once. */
export const distinct = (exposures: Exposures): ReadonlyArray<SecondaryExposure> => {
  const list = shortened(exposures)
  if (list.length < 2) return list
  const byText = new Map<string, SecondaryExposure>()
  for (const exposure of list) {
    const text = `${exposure.gateValue} ${exposure.gate.length} ${exposure.gate}${exposure.ruleID}`
    if (!byText.has(text)) byText.set(text, exposure)
  }
  return byText.size === list.length ? list : [...byText.values()]
}
