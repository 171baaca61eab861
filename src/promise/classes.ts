/**
 * Makes the classes of the Promise API behave like those of the official package, which exist once per process: their
 * names, enumerable members, and `instanceof`.
 *
 * This package may be loaded more than once in a process. Copies recognise each other's objects by a brand under a
 * registered symbol, whose value is a version.
 */

/**
 * The version of what copies rely on in each other's objects. It is raised when an older copy could not handle them.
 */
export const brandVersion = 1

/** The symbol of a class's brand. */
export const brandOf = (name: string): symbol => Symbol.for(`statsig-effect/${name}`)

/** The message for an object of that class whose brand has another version. */
export const otherVersion = (name: string, version: unknown): string =>
  `This ${name} is of another version of statsig-effect, whose form (${version}) is not that of this one ` +
  `(${brandVersion}): use one version of the package in a process.`

const isBranded = (value: unknown, brand: symbol): boolean =>
  typeof value === "object" && value !== null && Reflect.get(value, brand) === brandVersion

/**
 * Sets a class's name to its export name: a bundler renames a class if the name is taken, and programs print it.
 * Objects of the same class from other copies are instances of it.
 */
export const brandClass = (type: { readonly name: string; readonly prototype: object }, name: string): void => {
  const brand = brandOf(name)
  Object.defineProperty(type, "name", { value: name })
  Object.defineProperty(type.prototype, brand, { value: brandVersion })
  Object.defineProperty(type, Symbol.hasInstance, {
    // A subclass inherits this, and accepts only its own instances.
    value(this: unknown, value: unknown): boolean {
      return this === type ? isBranded(value, brand) : Function.prototype[Symbol.hasInstance].call(this, value)
    }
  })
}

/**
 * Makes the members of a class enumerable for `for … in`, as those of the official package's native classes are:
 * programs and libraries copy objects that way.
 */
export const showMembers = (type: { readonly prototype: object }): void => {
  for (const name of Object.getOwnPropertyNames(type.prototype)) {
    if (name !== "constructor") Object.defineProperty(type.prototype, name, { enumerable: true })
  }
}
