import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { HeldList, StoredIdLists } from "../../../../layers/internal/idLists/heldLists.js"
import { HeldLists } from "../../../../layers/internal/idLists/heldLists.js"
import { PackedSet } from "../../../../src/engine/idLists/packedSet.js"

const list: HeldList = {
  ids: new PackedSet(),
  file: { fileID: "f1", creationTime: 1, size: 0 },
  addition: undefined,
  updatedAt: 1
}

/** Lists over a store that records its writes and refuses some of them. */
const open = Effect.gen(function* () {
  const written: Array<readonly [names: ReadonlyArray<string>, held: ReadonlyArray<string>]> = []
  const refused = new Set<string>()
  let reads = 0
  const stored = {
    read: Effect.sync(() => new Map([[`stored ${++reads}`, list]])),
    write: (names: ReadonlySet<string>, held: ReadonlyMap<string, HeldList>) =>
      Effect.sync(() => {
        written.push([[...names], [...held.keys()]])
        return [...names].filter(name => refused.has(name))
      })
  } as unknown as StoredIdLists
  const held = new HeldLists(stored)
  yield* Effect.forkScoped(held.writeChanges)
  return { held, written, refused }
})

describe("lists in use", () => {
  it.scoped("begin with the stored ones, which are read once and not written", () =>
    Effect.gen(function* () {
      const { held, written } = yield* open
      yield* Effect.repeatN(held.readStored, 2)
      yield* held.together(Effect.yieldNow())
      yield* Effect.yieldNow()
      assert.deepStrictEqual([...held.lists.keys()], ["stored 1"])
      assert.deepStrictEqual(written, [])
    })
  )

  it.scoped("are written as they change, all those of a sync together", () =>
    Effect.gen(function* () {
      const { held, written } = yield* open
      held.replace("a", list)
      yield* Effect.yieldNow()
      yield* held.together(
        Effect.gen(function* () {
          held.replace("b", list)
          yield* Effect.yieldNow()
          held.keepOnly(new Set(["b"]))
          yield* Effect.yieldNow()
          assert.strictEqual(written.length, 1)
        })
      )
      yield* Effect.yieldNow()
      assert.deepStrictEqual(written, [
        [["a"], ["a"]],
        [["b", "a"], ["b"]]
      ])
    })
  )

  it.scoped("are written with the next ones if the store refused them", () =>
    Effect.gen(function* () {
      const { held, refused, written } = yield* open
      refused.add("a")
      held.replace("a", list)
      yield* Effect.yieldNow()
      refused.clear()
      held.replace("b", list)
      yield* Effect.yieldNow()
      assert.deepStrictEqual(written.at(-1), [
        ["a", "b"],
        ["a", "b"]
      ])
    })
  )

  it.scoped("need no store", () =>
    Effect.gen(function* () {
      const held = new HeldLists(undefined)
      yield* Effect.forkScoped(held.writeChanges)
      yield* held.readStored
      held.replace("a", list)
      yield* Effect.yieldNow()
      assert.strictEqual(held.lists.get("a"), list)
    })
  )
})
