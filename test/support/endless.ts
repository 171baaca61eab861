/** Values that contain themselves, or one object in many places: an unbounded copy would never end. */

/** Posts and their author, who refers to the posts. */
export const author = (count: number) => {
  const author: { name: string; posts: Array<unknown> } = { name: "ada", posts: [] }
  for (let index = 0; index < count; index++) author.posts.push({ index, author })
  return author
}

/** One object, reachable in `2 ** levels` ways. */
export const diamond = (levels: number): object => {
  let value: object = { leaf: "leaf" }
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? { left: value, right: value } : [value, value]
  return value
}

/** An object with endless members, each created on access. */
export const growing = (): object => ({
  get left() {
    return growing()
  },
  get right() {
    return growing()
  }
})

/** Values whose copy would never end, or only after hours. */
export const endless: Readonly<Record<string, () => object>> = {
  "posts and their author": () => author(100),
  "a diamond of 22 levels": () => diamond(22),
  "a diamond of 100 levels": () => diamond(100),
  "getters that make objects": growing,
  "a file in a buffer": () => Buffer.alloc(30_000_000),
  "an array of one long text": () => Array.from({ length: 50_000 }, () => "x".repeat(100_000))
}

/** The number of members and items on all levels. */
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
