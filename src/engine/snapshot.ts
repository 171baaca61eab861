/** In work: the immutable snapshot of one payload. */
export interface Snapshot {
  /** `time` of the payload in epoch milliseconds. */
  readonly time: number
  readonly checksum: string | undefined
  readonly defaultEnvironment: string | undefined
}

/** In work: names that differ between two snapshots, by the text of their specs. */
export type DiffSnapshots = (
  before: Snapshot | undefined,
  after: Snapshot
) => Record<
  "gates" | "dynamicConfigs" | "layers",
  {
    readonly added: ReadonlyArray<string>
    readonly changed: ReadonlyArray<string>
    readonly removed: ReadonlyArray<string>
  }
>
