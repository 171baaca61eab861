/**
 * Values that exist once per process, even if this package is loaded more than once: as an ES module and as a CommonJS
 * one, in several bundles, reloaded after a change or by a test runner.
 *
 * Copies can only share through `globalThis`. All use one property, under a registered symbol, so that it collides with
 * no name and is not enumerated. It holds a Map: Jest 30 replaces the properties of what it finds on `globalThis` when
 * a test file ends, and a Map has none.
 */
const place = Symbol.for("statsig-effect/process")

/**
 * The value of that name, made by the first copy that asks for it. A value whose form changes gets another name, so
 * that older copies continue with their own.
 */
export const ofProcess = <A>(name: string, make: () => A): A => {
  const holder = globalThis as { [place]?: Map<string, unknown> }
  holder[place] ??= new Map()
  const values = holder[place]
  if (!values.has(name)) values.set(name, make())
  return values.get(name) as A
}
