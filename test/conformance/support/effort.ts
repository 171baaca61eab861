/** Whether much is compared (`npm run test:long`), or little (`npm test`). */
export const isLong = process.env["TEST_LENGTH"] === "long"

/** Seeds of the worlds: the same two in short runs; in long ones also that of `SEED`, by default a random one. */
export const seeds: ReadonlyArray<number> = isLong
  ? [1, 2, 3, Number(process.env["SEED"] ?? Math.floor(Math.random() * 1_000_000))]
  : [1, 4]
