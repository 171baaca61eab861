/**
 * Gives a class the name that it is exported by. A bundler that puts all into one file calls it another where the name is
 * taken, and programs see that in what they print.
 */
export const nameClass = (type: { readonly name: string }, name: string): void => {
  Object.defineProperty(type, "name", { value: name })
}

/**
 * Shows the members of a class to `for … in`, as those of the official package's native classes are: programs and
 * libraries copy objects that way.
 */
export const showMembers = (type: { readonly prototype: object }): void => {
  for (const name of Object.getOwnPropertyNames(type.prototype)) {
    if (name !== "constructor") Object.defineProperty(type.prototype, name, { enumerable: true })
  }
}
