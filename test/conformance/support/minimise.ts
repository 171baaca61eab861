/**
 * Makes a difference small enough to read: removes and simplifies parts of the world while the same question still
 * differs at the same place.
 */

import { difference } from "./compare.js"
import { type Difference, inBoth } from "./compareWorlds.js"
import { isSafe } from "./safety.js"
import type { Question, Sdk } from "./sdk.js"
import { plain, Raw, type Tree, type TreeObject } from "./tree.js"
import { payloadText, type World } from "./world.js"

/** A small world with one user in which the question still differs. */
export interface Reproduction {
  readonly world: World
  readonly question: Question
  readonly path: string
  readonly expected: unknown
  readonly actual: unknown
}

/** A minute: an attempt makes two instances, and a large world has many parts. */
const longest = 60_000

/** The smallest reproduction found within that many attempts, and within a minute. */
export const minimise = async (
  packages: { readonly expected: Sdk; readonly actual: Sdk },
  found: Difference,
  attempts = 1500
): Promise<Reproduction> => {
  const { question } = found
  const end = Date.now() + longest
  const user = found.world.users[found.userIndex]
  let best: Reproduction = { ...found, world: { ...found.world, users: user === undefined ? [] : [user] } }

  const attempt = async (world: World): Promise<boolean> => {
    if (attempts-- <= 0 || Date.now() > end || !isSafe(world)) return false
    try {
      let smaller: Reproduction | undefined
      await inBoth(packages.expected, packages.actual, world, (expected, actual) => {
        const wanted = expected.ask(0, question)
        const given = actual.ask(0, question)
        const path = difference(wanted, given)
        if (path === best.path && sourceOf(wanted) === sourceOf(best.expected)) {
          smaller = { world, question, path, expected: wanted, actual: given }
        }
      })
      if (smaller === undefined) return false
      best = smaller
      return true
    } catch {
      // A part that the constructors need was removed.
      return false
    }
  }

  for (let progress = true; progress && attempts > 0 && Date.now() < end; ) {
    progress = false
    const parts: ReadonlyArray<(world: World) => readonly [Tree, (tree: Tree) => World]> = [
      world => [world.payload, tree => ({ ...world, payload: tree as TreeObject })],
      world => [world.users[0]?.fields ?? null, fields => withUser(world, { fields: fields as TreeObject })],
      world => [world.users[0]?.assigned ?? null, assigned => withUser(world, { assigned: assigned as TreeObject })],
      world => [world.options, options => ({ ...world, options: options as TreeObject })]
    ]
    for (const part of parts) {
      const [tree] = part(best.world)
      const smaller = await shrink(tree, async candidate => attempt(part(best.world)[1](candidate)))
      if (smaller) progress = true
    }
  }
  return best
}

/** The reproduction as text to read and to paste. */
export const describe = ({ actual, expected, path, question, world }: Reproduction): string =>
  [
    `question  ${JSON.stringify(question)}`,
    `payload   ${payloadText(world)}`,
    ...world.users.map(
      user => `user      ${show(user.fields)}${user.assigned.size > 0 ? ` = ${show(user.assigned)}` : ""}`
    ),
    `options   ${show(world.options)}`,
    `differs   at ${path}`,
    `expected  ${JSON.stringify(expected)}`,
    `actual    ${JSON.stringify(actual)}`
  ].join("\n")

const show = (tree: Tree): string =>
  JSON.stringify(plain(tree), (_, value) =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value
  )

const withUser = (world: World, change: Partial<World["users"][number]>): World => ({
  ...world,
  users: world.users.map(user => ({ ...user, ...change }))
})

/** Only reproductions with the same source count, so that a rejected payload does not replace a wrong result. */
const sourceOf = (answer: unknown): string | undefined =>
  /(Adapter\(DataStore\)|NoValues|Loading|Error:)/.exec(JSON.stringify(answer) ?? "")?.[0]

/** Tries smaller trees until none of them holds; returns whether any did. */
const shrink = async (tree: Tree, holds: (candidate: Tree) => Promise<boolean>): Promise<boolean> => {
  let shrunk = false
  let current = tree
  const hold = async (candidate: Tree): Promise<boolean> => {
    if (!(await holds(candidate))) return false
    current = candidate
    shrunk = true
    return true
  }

  if (current instanceof Map || Array.isArray(current)) {
    for (let size = Math.ceil(sizeOf(current) / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let from = 0; from < sizeOf(current); ) if (!(await hold(without(current, from, size)))) from += size
    }
    for (const key of keysOf(current)) {
      const member = memberAt(current, key)
      if (member === undefined) continue
      await shrink(member, async candidate => hold(withMember(current, key, candidate)))
    }
  } else {
    for (const simpler of simplerThan(current)) if (await hold(simpler)) break
  }
  return shrunk
}

type Container = TreeObject | ReadonlyArray<Tree>

const isContainer = (tree: Tree): tree is Container => tree instanceof Map || Array.isArray(tree)

const sizeOf = (tree: Tree): number => (tree instanceof Map ? tree.size : isContainer(tree) ? tree.length : 0)

const without = (tree: Tree, from: number, count: number): Tree => {
  const keep = <A>(items: ReadonlyArray<A>) => [...items.slice(0, from), ...items.slice(from + count)]
  return tree instanceof Map ? new Map(keep([...tree])) : isContainer(tree) ? keep(tree) : tree
}

const keysOf = (tree: Tree): ReadonlyArray<string | number> =>
  isContainer(tree) ? [...(tree as ReadonlyMap<string, Tree> | ReadonlyArray<Tree>).keys()] : []

const memberAt = (tree: Tree, key: string | number): Tree | undefined =>
  tree instanceof Map ? tree.get(String(key)) : isContainer(tree) ? tree[Number(key)] : undefined

const withMember = (tree: Tree, key: string | number, member: Tree): Tree =>
  tree instanceof Map
    ? new Map(tree).set(String(key), member)
    : isContainer(tree)
      ? tree.with(Number(key), member)
      : tree

const simplerThan = (tree: Tree): ReadonlyArray<Tree> => {
  if (typeof tree === "string" && tree.length > 0) {
    const half = Math.ceil(tree.length / 2)
    return ["", tree.slice(0, half), tree.slice(half), tree.slice(1), tree.slice(0, -1)]
  }
  if (typeof tree === "number" && tree !== 0) return [0, 1, Math.trunc(tree)].filter(number => !Object.is(number, tree))
  if (tree instanceof Raw) return [0, 1].filter(number => String(number) !== tree.text)
  return []
}
