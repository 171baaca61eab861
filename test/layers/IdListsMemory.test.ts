import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Memory from "../../layers/IdLists/Memory.js"
import { IdLists } from "../../src/IdLists.js"

/** A list file's entry for an ID, read back as two numbers. */
const keyOf = (id: string) => {
  const bytes = Buffer.from(createHash("sha256").update(id).digest("base64").slice(0, 8), "base64")
  return [bytes.readUIntBE(0, 3), bytes.readUIntBE(3, 3)] as const
}

const holds = (lists: { contains: IdLists["Type"]["contains"] }, list: string, id: string) =>
  lists.contains(list, ...keyOf(id))

describe("IdLists/Memory", () => {
  it.effect("finds IDs by the hash used in list files, each in its own list", () =>
    Effect.gen(function* () {
      const lists = yield* IdLists
      const ids = ["alice", "größe 🦊", "", "x".repeat(1_000)]
      for (const id of ids) assert.isTrue(holds(lists, "a", id), id)
      assert.isTrue(holds(lists, "__proto__", "bob"))
      for (const [list, id] of [
        ["a", "bob"],
        ["__proto__", "alice"],
        ["constructor", "alice"],
        ["empty", ""],
        ["none", "alice"]
      ] as const) {
        assert.isFalse(holds(lists, list, id), `${list} ${id}`)
      }
      assert.isFalse(lists.contains("a", keyOf("alice")[0], keyOf("bob")[1]))
    }).pipe(
      Effect.provide(
        Memory.layer({ a: ["alice", "größe 🦊", "", "x".repeat(1_000)], ["__proto__"]: new Set(["bob"]), empty: [] })
      )
    )
  )

  it.effect("holds nothing by default", () =>
    Effect.map(IdLists, lists => assert.isFalse(holds(lists, "", ""))).pipe(Effect.provide(Memory.layer()))
  )

  it("can be changed", () => {
    const lists = Memory.make({ a: ["alice"] })
    lists.set("a", ["bob"])
    assert.deepStrictEqual([holds(lists, "a", "alice"), holds(lists, "a", "bob")], [false, true])
    lists.remove("a")
    lists.remove("never there")
    assert.isFalse(holds(lists, "a", "bob"))
  })
})
