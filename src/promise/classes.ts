/**
 * What the classes of the Promise API have in common with those of the official package, of which there is one each in a
 * process: a name, members that can be listed, and `instanceof`.
 *
 * This package may be in a process more than once. Copies know each other's objects by a brand under a symbol of the
 * registry, whose value is a version.
 */

/** What copies rely on in each other's objects. It grows when an older copy could not deal with them. */
export const brandVersion = 1

/** Where the objects of a class have their brand. */
export const brandOf = (name: string): symbol => Symbol.for(`statsig-effect/${name}`)

/** Says that an object of that class cannot be used, whose brand has this value. */
export const otherVersion = (name: string, version: unknown): string =>
  `This ${name} is of another version of statsig-effect, whose form (${version}) is not that of this one ` +
  `(${brandVersion}): use one version of the package in a process.`

const isBranded = (value: unknown, brand: symbol): boolean =>
  typeof value === "object" && value !== null && Reflect.get(value, brand) === brandVersion

/**
 * Gives a class the name that it is exported by, for a bundler that puts all into one file calls it another where the name
 * is taken, and programs see that in what they print. Objects of other copies' classes of that name are instances of it.
 */
export const brandClass = (type: { readonly name: string; readonly prototype: object }, name: string): void => {
  const brand = brandOf(name)
  Object.defineProperty(type, "name", { value: name })
  Object.defineProperty(type.prototype, brand, { value: brandVersion })
  Object.defineProperty(type, Symbol.hasInstance, {
    // A subclass inherits this, and has instances of its own only.
    value(this: unknown, value: unknown): boolean {
      return this === type ? isBranded(value, brand) : Function.prototype[Symbol.hasInstance].call(this, value)
    }
  })
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
