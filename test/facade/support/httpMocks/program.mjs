/**
 * Shared by the programs of this folder: they load the bundle of the first argument before they replace anything, use
 * Statsig as programs do, at a host that does not exist, and print the outcome.
 */
import { createRequire } from "node:module"

const [, , bundle, payloadText] = process.argv
const require = createRequire(import.meta.url)

/** The Promise API as an ES module or as CommonJS. */
const { Statsig, StatsigUser } = bundle.endsWith(".cjs") ? require(bundle) : await import(bundle)

export const payload = JSON.parse(payloadText)
export const key = "secret-mockedKey"
export const origin = "https://statsig.test"

/** `at` is a different origin from that of the mocks. */
export const useStatsig = async (at = origin) => {
  const statsig = new Statsig(key, {
    specsUrl: `${at}/v2/download_config_specs`,
    logEventUrl: `${at}/v1/log_event`,
    outputLogLevel: "none"
  })
  const initialized = await statsig.initialize()
  const isOpen = statsig.checkGate(new StatsigUser({ userID: "u" }), "gate_on")
  return { initialized, isOpen, ended: await statsig.shutdown() }
}

export const print = result => process.stdout.write(JSON.stringify(result), () => process.exit())
