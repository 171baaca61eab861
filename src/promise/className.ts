/**
 * Gives a class the name that it is exported by. A bundler that puts all into one file calls it another where the name is
 * taken, and programs see that in what they print.
 */
export const nameClass = (type: { readonly name: string }, name: string): void => {
  Object.defineProperty(type, "name", { value: name })
}
