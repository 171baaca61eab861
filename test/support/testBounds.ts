import { afterAll, vi } from "vitest"

/** Lets the tests of a file use shorter intervals and queues than a program may, in both packages. */
export const liftBounds = (): void => {
  vi.stubEnv("STATSIG_RUNNING_TESTS", "1")
  afterAll(() => vi.unstubAllEnvs())
}
