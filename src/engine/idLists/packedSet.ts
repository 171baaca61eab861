/**
 * A set of 48-bit keys that takes about 11 bytes for each and never pauses for long.
 *
 * A directory maps the first bits of a key to a leaf; a leaf is an open-addressing table with linear probing. Keys are
 * hashes, so their bits need no mixing. A full leaf is split, and the directory doubles when it must (extendible
 * hashing): no operation moves more than a few thousand keys.
 *
 * A copy shares the leaves with its original until one of them writes. So a large set can be changed beside the one in
 * use, in many steps, and then replace it by one assignment.
 */

/** Two numbers per slot: the halves of a key, the high one plus 1. A slot that begins with 0 is free. */
type Slots = Uint32Array

interface Leaf {
  /** The set that may write to it. */
  readonly owner: object
  /** The number of leading bits that all its keys share. */
  readonly depth: number
  slots: Slots
  count: number
}

/** A leaf with more keys is split; it then takes 43 KB. */
const largestLeaf = 4096

/** Initial keys per leaf for a set of known size: the number varies, and few leaves should need a split. */
const plannedLeaf = 3400

/** Keys with longer common prefixes are not hashes; their leaf is not split but grows. */
const deepest = 18

/** Beyond a half, probes get longer; beyond three quarters, much longer. */
const fullest = 0.75
const roomy = 0.7
const growth = 1.25
const fewestSlots = 8

const slotsFor = (keys: number): number => Math.max(fewestSlots, Math.ceil(keys / roomy))

const makeSlots = (count: number): Slots => new Uint32Array(2 * count)

/** The preferred slot of a key: its low half, scaled to the number of slots. */
const homeOf = (slots: Slots, low: number): number => Math.floor((low * (slots.length / 2)) / 2 ** 24) * 2

/** The slot of the key, or the free slot for it. */
const findSlot = (slots: Slots, high: number, low: number): number => {
  const marked = high + 1
  let at = homeOf(slots, low)
  while (slots[at] !== 0 && (slots[at] !== marked || slots[at + 1] !== low)) {
    at += 2
    if (at === slots.length) at = 0
  }
  return at
}

const write = (slots: Slots, at: number, high: number, low: number): void => {
  slots[at] = high + 1
  slots[at + 1] = low
}

/** The index is always valid: positions are counted modulo the length, in steps of two. */
const slotAt = (slots: Slots, at: number): number => slots[at] as number

/** In arbitrary order. */
const eachKey = (slots: Slots, use: (high: number, low: number) => void): void => {
  for (let at = 0; at < slots.length; at += 2) if (slots[at] !== 0) use(slotAt(slots, at) - 1, slotAt(slots, at + 1))
}

/**
 * Inserts a key that the leaf lacks at the free slot found for it. A leaf that must grow has at least `planned` slots
 * afterwards.
 */
const insert = (leaf: Leaf, at: number, high: number, low: number, planned: number): void => {
  if (leaf.count + 1 > (leaf.slots.length / 2) * fullest) {
    const before = leaf.slots
    leaf.slots = makeSlots(Math.max(planned, Math.ceil((before.length / 2) * growth)))
    eachKey(before, (high, low) => write(leaf.slots, findSlot(leaf.slots, high, low), high, low))
    at = findSlot(leaf.slots, high, low)
  }
  write(leaf.slots, at, high, low)
  leaf.count++
}

/** Keys are two halves of 24 bits each, as `idListKey` makes them. */
export class PackedSet {
  /** The length is a power of two; neighbours may be the same leaf. */
  #leaves: Array<Leaf>
  /** The shift that turns the first half of a key into an index of the directory. */
  #shift: number
  /** Changes when the leaves are shared. */
  #owner: object = {}
  #size = 0
  /** The slots of a leaf after its first ones are full: allocating them for all leaves at once would cause a pause. */
  #planned: number

  /** `expected` is the estimated number of keys; it is not a limit. */
  constructor(expected = 0) {
    let depth = 0
    while (depth < deepest && expected > plannedLeaf * 2 ** depth) depth++
    this.#planned = slotsFor(Math.min(largestLeaf, expected / 2 ** depth))
    this.#shift = 24 - depth
    this.#leaves = Array.from({ length: 2 ** depth }, () => ({
      owner: this.#owner,
      depth,
      slots: makeSlots(fewestSlots),
      count: 0
    }))
  }

  /** The number of keys. */
  get size(): number {
    return this.#size
  }

  has(high: number, low: number): boolean {
    const { slots } = this.#leaf(high >>> this.#shift)
    return slots[findSlot(slots, high, low)] !== 0
  }

  add(high: number, low: number): void {
    const index = high >>> this.#shift
    const leaf = this.#leaf(index)
    const at = findSlot(leaf.slots, high, low)
    if (leaf.slots[at] !== 0) return
    if (leaf.count >= largestLeaf && leaf.depth < deepest) {
      this.#split(leaf, index)
      this.add(high, low)
      return
    }
    insert(this.#own(leaf, index), at, high, low, this.#planned)
    this.#size++
  }

  delete(high: number, low: number): void {
    const index = high >>> this.#shift
    const shared = this.#leaf(index)
    let free = findSlot(shared.slots, high, low)
    if (shared.slots[free] === 0) return
    const leaf = this.#own(shared, index)
    const { slots } = leaf
    // Later keys move up unless that puts them before their preferred slot: a search must not meet a gap.
    for (let at = (free + 2) % slots.length; slots[at] !== 0; at = (at + 2) % slots.length) {
      const home = homeOf(slots, slotAt(slots, at + 1))
      const isBetween = free < at ? free < home && home <= at : free < home || home <= at
      if (isBetween) continue
      slots[free] = slotAt(slots, at)
      slots[free + 1] = slotAt(slots, at + 1)
      free = at
    }
    slots[free] = 0
    leaf.count--
    this.#size--
  }

  /** A set of the same keys. Changing one does not affect the other. */
  copy(): PackedSet {
    const copy = new PackedSet()
    copy.#leaves = this.#leaves.slice()
    copy.#shift = this.#shift
    copy.#size = this.#size
    copy.#planned = this.#planned
    this.#owner = {}
    return copy
  }

  /** The keys, a few thousand at a time. The set must not change meanwhile. */
  *parts(): Iterable<ReadonlyArray<readonly [high: number, low: number]>> {
    for (let index = 0; index < this.#leaves.length; ) {
      const leaf = this.#leaf(index)
      const keys: Array<readonly [number, number]> = []
      eachKey(leaf.slots, (high, low) => keys.push([high, low]))
      yield keys
      index += this.#width(leaf)
    }
  }

  /** The directory has an entry for each prefix of a key. */
  #leaf(index: number): Leaf {
    return this.#leaves[index] as Leaf
  }

  /** The number of neighbouring directory entries that refer to a leaf. */
  #width(leaf: Leaf): number {
    return this.#leaves.length / 2 ** leaf.depth
  }

  #put(leaf: Leaf, index: number): void {
    const width = this.#width(leaf)
    const start = index - (index % width)
    this.#leaves.fill(leaf, start, start + width)
  }

  #own(leaf: Leaf, index: number): Leaf {
    if (leaf.owner === this.#owner) return leaf
    const owned = { ...leaf, owner: this.#owner, slots: leaf.slots.slice() }
    this.#put(owned, index)
    return owned
  }

  #split(leaf: Leaf, index: number): void {
    if (this.#width(leaf) === 1) {
      this.#leaves = this.#leaves.flatMap(leaf => [leaf, leaf])
      this.#shift--
      index *= 2
    }
    const depth = leaf.depth + 1
    const make = (): Leaf => ({ owner: this.#owner, depth, slots: makeSlots(slotsFor(leaf.count / 2)), count: 0 })
    const halves = [make(), make()] as const
    eachKey(leaf.slots, (high, low) => {
      const half = halves[((high >>> (24 - depth)) & 1) as 0 | 1]
      insert(half, findSlot(half.slots, high, low), high, low, 0)
    })
    const width = this.#width(leaf)
    const start = index - (index % width)
    this.#put(halves[0], start)
    this.#put(halves[1], start + width / 2)
  }
}
