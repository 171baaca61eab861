/**
 * Remembers which exposures were logged lately, within a bound.
 *
 * A key is a spec, a rule, what was answered, and who asked. The first three repeat all the time and are maps in maps;
 * only the last is new, so no key is ever put together as a text. Every key has a slot, and the slots stand in a ring by
 * the time they were last seen; the key that was unseen for longest gives its slot to the next. The ring is arrays of
 * numbers: a hundred thousand little objects that live for a minute are what a garbage collector does worst.
 */

/** What was answered: a truth value, or a parameter of a layer that was read. */
export type Answer = boolean | string

/** The users who got one answer from one rule, each with its slot. */
class Users {
  readonly slots = new Map<string, number>()

  constructor(
    readonly spec: string,
    readonly rule: string,
    /** What holds this, by the answer. */
    readonly answers: Map<Answer, Users>,
    readonly answer: Answer
  ) {}
}

/** The answers of one rule: to checks that count no unit of their own, and to those that do. */
interface RuleAnswers {
  readonly plain: Map<Answer, Users>
  readonly withUnit: Map<Answer, Users>
}

/** The slot that is none: the ring begins and ends at it. */
const ends = 0
const firstSlots = 1024

const doubled = (slots: Int32Array) => {
  const larger = new Int32Array(slots.length * 2)
  larger.set(slots)
  return larger
}

/** A set of keys that holds at most `capacity` of them. */
export class Deduplicator {
  readonly #capacity: number
  #specs = new Map<string, Map<string, RuleAnswers>>()
  /** By slot: the keys seen just after and just before, and the two parts of the key. */
  #newer = new Int32Array(firstSlots)
  #older = new Int32Array(firstSlots)
  #users: Array<Users | undefined> = [undefined]
  #user = [""]

  constructor(capacity: number) {
    this.#capacity = Math.max(capacity, 1)
  }

  /** The number of keys held. */
  get size(): number {
    return this.#user.length - 1
  }

  /** The number of names, rules and answers that the keys are made of. */
  get groups(): number {
    let groups = this.#specs.size
    for (const rules of this.#specs.values()) {
      groups += rules.size
      for (const { plain, withUnit } of rules.values()) groups += plain.size + withUnit.size
    }
    return groups
  }

  /**
   * Whether the key is new; from now on it is not. `unit` is the id of the unit that the check was made for, where it
   * counts.
   */
  add(spec: string, rule: string, answer: Answer, userKey: string, unit: string | undefined): boolean {
    const users = this.#usersOf(spec, rule, answer, unit !== undefined)
    // Mostly the unit is the user; what is put together here is unlike the key of any user.
    const user = unit === undefined || unit === userKey ? userKey : `[${unit.length}:${unit}${userKey}`
    const known = users.slots.get(user)
    if (known !== undefined) {
      this.#unlink(known)
      this.#linkAsNewest(known)
      return false
    }
    const isFull = this.size >= this.#capacity
    const slot = isFull ? this.#newer[ends]! : this.#user.length
    // Before the other key goes: users without any are let go.
    users.slots.set(user, slot)
    if (isFull) this.#forget(slot)
    else if (slot === this.#newer.length) {
      this.#newer = doubled(this.#newer)
      this.#older = doubled(this.#older)
    }
    this.#users[slot] = users
    this.#user[slot] = user
    this.#linkAsNewest(slot)
    return true
  }

  /** Forgets everything. */
  clear(): void {
    this.#specs = new Map()
    this.#newer = new Int32Array(firstSlots)
    this.#older = new Int32Array(firstSlots)
    this.#users = [undefined]
    this.#user = [""]
  }

  #usersOf(spec: string, rule: string, answer: Answer, hasUnit: boolean): Users {
    let rules = this.#specs.get(spec)
    if (rules === undefined) {
      rules = new Map()
      this.#specs.set(spec, rules)
    }
    let ruleAnswers = rules.get(rule)
    if (ruleAnswers === undefined) {
      ruleAnswers = { plain: new Map(), withUnit: new Map() }
      rules.set(rule, ruleAnswers)
    }
    const answers = hasUnit ? ruleAnswers.withUnit : ruleAnswers.plain
    let users = answers.get(answer)
    if (users === undefined) {
      users = new Users(spec, rule, answers, answer)
      answers.set(answer, users)
    }
    return users
  }

  #linkAsNewest(slot: number): void {
    const newest = this.#older[ends]!
    this.#older[slot] = newest
    this.#newer[slot] = ends
    this.#newer[newest] = slot
    this.#older[ends] = slot
  }

  #unlink(slot: number): void {
    const newer = this.#newer[slot]!
    const older = this.#older[slot]!
    this.#older[newer] = older
    this.#newer[older] = newer
  }

  /** Takes the key out of its slot. */
  #forget(slot: number): void {
    this.#unlink(slot)
    const { answer, answers, rule, slots, spec } = this.#users[slot]!
    slots.delete(this.#user[slot]!)
    if (slots.size > 0) return
    // Names come from callers: what holds no key any more must not stay.
    answers.delete(answer)
    const rules = this.#specs.get(spec)
    const ruleAnswers = rules?.get(rule)
    if (rules === undefined || ruleAnswers === undefined) return
    if (ruleAnswers.plain.size === 0 && ruleAnswers.withUnit.size === 0) rules.delete(rule)
    if (rules.size === 0) this.#specs.delete(spec)
  }
}
