/**
 * Values of a program that lead to themselves, or to one object in many ways: a copy without a bound never ends.
 */

/** Posts and their author, who knows the posts. */
export const author = (count: number) => {
  const author: { name: string; posts: Array<unknown> } = { name: "ada", posts: [] }
  for (let index = 0; index < count; index++) author.posts.push({ index, author })
  return author
}

/** One object, reached in `2 ** levels` ways. */
export const diamond = (levels: number): object => {
  let value: object = { leaf: "leaf" }
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? { left: value, right: value } : [value, value]
  return value
}

/** An object with members that are made when they are looked at, without end. */
export const growing = (): object => ({
  get left() {
    return growing()
  },
  get right() {
    return growing()
  }
})

/** Values that would never end, or only after hours. */
export const endless: Readonly<Record<string, () => object>> = {
  "posts and their author": () => author(100),
  "a diamond of 22 levels": () => diamond(22),
  "a diamond of 100 levels": () => diamond(100),
  "getters that make objects": growing,
  "a file in a buffer": () => Buffer.alloc(30_000_000),
  "an array of one long text": () => Array.from({ length: 50_000 }, () => "x".repeat(100_000))
}

/** How many members and items there are, over all levels. */
export const countValues = (value: unknown): number => {
  let count = 0
  const rest = [value]
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (typeof next !== "object" || next === null) continue
    for (const member of Object.values(next)) {
      count++
      rest.push(member)
    }
  }
  return count
}
