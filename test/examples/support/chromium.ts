/** The Chromium that tests use if there is one: Debian's, or that at `CHROMIUM_PATH`. */
import { existsSync } from "node:fs"
import { type Browser, chromium } from "playwright-core"

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium"

/** Whether the browser tests run: there is one, or it is required (`REQUIRE_CHROMIUM=1`). */
export const hasChromium = process.env["REQUIRE_CHROMIUM"] === "1" || existsSync(executablePath)

if (!hasChromium) console.warn(`There is no Chromium at ${executablePath}: what needs one is skipped`)

/** Starts a browser with a separate profile and without background activity. */
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
