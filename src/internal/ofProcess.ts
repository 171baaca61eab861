/**
 * What there is once in a process, though this package may be in it more than once: as an ES module and as a CommonJS one,
 * in several bundles, loaded again after a change or by a test runner.
 *
 * Copies cannot meet anywhere but on `globalThis`. There is one property for all of them, under a symbol of the registry,
 * so that no name of a program's is taken and nobody meets it by listing names. It holds a Map: Jest 30 replaces the
 * properties of what it finds on `globalThis` when a test file ends, and a Map has none.
 */
const place = Symbol.for("statsig-effect/process")

/**
 * The value of that name, which the first copy that asks for it makes. A value whose form changes gets another name: an
 * older copy goes on with its own.
 *
 * @internal
 */
export const ofProcess = <A>(name: string, make: () => A): A => {
  const holder = globalThis as { [place]?: Map<string, unknown> }
  holder[place] ??= new Map()
  const values = holder[place]
  if (!values.has(name)) values.set(name, make())
  return values.get(name) as A
}
