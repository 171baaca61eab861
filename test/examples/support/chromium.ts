/**
 * The Chromium that tests use when there is one: Debian's, or where `CHROMIUM_PATH` says.
 */
import { existsSync } from "node:fs"
import { type Browser, chromium } from "playwright-core"

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium"

/** Whether the tests in a browser are to run: there is one, or there must be (`REQUIRE_CHROMIUM=1`). */
export const hasChromium = process.env["REQUIRE_CHROMIUM"] === "1" || existsSync(executablePath)

if (!hasChromium) console.warn(`There is no Chromium at ${executablePath}: what needs one is skipped`)

/** Starts a browser with a profile of its own, that does nothing but what it is told. */
export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync"
    ]
  })
