/**
 * The memo in front of every parser: services see the same few hundred user agents again and again, and a hit costs a
 * hundredth of a parse.
 *
 * Two generations bound it: results go to the young map; when that is full it becomes the old one, and entries of the
 * previous old one that were not used since are dropped.
 */

const generationSize = 500
const longestKey = 1_000

/**
 * Memoizes about 1,000 results of a pure function of a string. Strings longer than 1,000 characters are not memoized,
 * so that they cannot fill the memory.
 */
export const memoize = <A extends object | null>(compute: (text: string) => A): ((text: string) => A) => {
  let young = new Map<string, A>()
  let old = new Map<string, A>()
  return text => {
    if (text.length > longestKey) return compute(text)
    const known = young.get(text)
    if (known !== undefined) return known
    const answer = old.get(text) ?? compute(text)
    if (young.size === generationSize) {
      old = young
      young = new Map()
    }
    young.set(text, answer)
    return answer
  }
}
