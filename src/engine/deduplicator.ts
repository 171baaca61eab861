/**
 * Remembers which exposures were logged lately, within a bound.
 *
 * A key is a spec, a rule, what was answered, and who asked. The first three repeat all the time and are maps in maps;
 * only the last is new, so no key is ever put together as a text. All keys stand in one list by the time they were last
 * seen, and the one unseen for longest makes room.
 */

/** What was answered: a truth value, or a parameter of a layer that was read. */
export type Answer = boolean | string

interface Key {
  readonly spec: string
  readonly rule: string
  readonly users: Map<string, Key>
  readonly user: string
  newer: Key | undefined
  older: Key | undefined
}

/** The users of one rule, apart for each answer, and for checks that count a unit of their own. */
class RuleKeys {
  readonly truths: [Map<string, Key>, Map<string, Key>, Map<string, Key>, Map<string, Key>] = [
    new Map(),
    new Map(),
    new Map(),
    new Map()
  ]
  parameters: [Map<string, Map<string, Key>>, Map<string, Map<string, Key>>] | undefined

  users(answer: Answer, hasUnit: boolean): Map<string, Key> {
    if (typeof answer === "boolean") return this.truths[((answer ? 1 : 0) + (hasUnit ? 2 : 0)) as 0 | 1 | 2 | 3]
    this.parameters ??= [new Map(), new Map()]
    const parameters = this.parameters[hasUnit ? 1 : 0]
    let users = parameters.get(answer)
    if (users === undefined) {
      users = new Map()
      parameters.set(answer, users)
    }
    return users
  }

  get isEmpty(): boolean {
    if (this.truths.some(users => users.size > 0)) return false
    return this.parameters?.every(parameters => [...parameters.values()].every(users => users.size === 0)) ?? true
  }
}

/** A set of keys that holds at most `capacity` of them. */
export class Deduplicator {
  readonly #capacity: number
  #specs = new Map<string, Map<string, RuleKeys>>()
  #newest: Key | undefined
  #oldest: Key | undefined
  #size = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** The number of keys held. */
  get size(): number {
    return this.#size
  }

  /** Whether the key is new; from now on it is not. `hasUnit` tells that `user` counts the unit of the check. */
  add(spec: string, rule: string, answer: Answer, user: string, hasUnit: boolean): boolean {
    let rules = this.#specs.get(spec)
    if (rules === undefined) {
      rules = new Map()
      this.#specs.set(spec, rules)
    }
    let keys = rules.get(rule)
    if (keys === undefined) {
      keys = new RuleKeys()
      rules.set(rule, keys)
    }
    const users = keys.users(answer, hasUnit)
    const known = users.get(user)
    if (known !== undefined) {
      this.#touch(known)
      return false
    }
    const key: Key = { spec, rule, users, user, newer: undefined, older: this.#newest }
    users.set(user, key)
    if (this.#newest === undefined) this.#oldest = key
    else this.#newest.newer = key
    this.#newest = key
    this.#size++
    if (this.#size > this.#capacity) this.#forgetOldest()
    return true
  }

  /** Forgets everything. */
  clear(): void {
    this.#specs = new Map()
    this.#newest = undefined
    this.#oldest = undefined
    this.#size = 0
  }

  #touch(key: Key): void {
    if (key.newer === undefined) return
    key.newer.older = key.older
    if (key.older === undefined) this.#oldest = key.newer
    else key.older.newer = key.newer
    key.older = this.#newest
    key.newer = undefined
    if (this.#newest !== undefined) this.#newest.newer = key
    this.#newest = key
  }

  #forgetOldest(): void {
    const key = this.#oldest
    if (key === undefined) return
    this.#oldest = key.newer
    if (key.newer !== undefined) key.newer.older = undefined
    this.#size--
    key.users.delete(key.user)
    if (key.users.size > 0) return
    // Names come from callers: what holds no key any more must not stay.
    const rules = this.#specs.get(key.spec)
    if (rules?.get(key.rule)?.isEmpty !== true) return
    rules.delete(key.rule)
    if (rules.size === 0) this.#specs.delete(key.spec)
  }
}
