/**
 * The memo that every parser layer puts in front of its parser: services see the same few hundred user agents again
 * and again, and a hit costs a hundredth of a parse.
 *
 * Two generations bound it: answers go to the young map; when that is full it becomes the old one, and what the old one
 * held and nobody asked for since is dropped.
 */

const generationSize = 500
const longestKey = 1_000

/**
 * Remembers the answers of a pure function of a string, about 1,000 of them. Longer strings than 1,000 characters are
 * always computed anew, so that they cannot fill the memory.
 *
 * @internal
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
