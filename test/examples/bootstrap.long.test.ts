/** The example servers render a page in which the browser's SDK starts without a request. Here a browser loads it. */
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { hasChromium, launch } from "./support/chromium.js"
import { type Example, serve } from "./support/example.js"

/** The content of the page in a browser with these cookies. */
const load = async (browser: Browser, origin: string, visitor: string) => {
  const context = await browser.newContext()
  await context.addCookies([{ name: "visitor", value: visitor, url: origin }])
  const page = await context.newPage()
  const requests: Array<string> = []
  const problems: Array<string> = []
  const network = await context.newCDPSession(page)
  await network.send("Network.enable")
  network.on("Network.requestWillBeSent", ({ request }) => void requests.push(request.url))
  page.on("console", message => void (message.type() === "error" && problems.push(message.text())))
  page.on("pageerror", error => void problems.push(String(error)))
  await page.goto(origin, { waitUntil: "networkidle" })
  const column = async (side: string): Promise<Record<string, string>> =>
    Object.fromEntries(
      await page
        .locator(`td[id^="${side}:"]`)
        .evaluateAll(cells => cells.map(({ id, textContent }) => [id.slice(id.indexOf(":") + 1), textContent ?? ""]))
    )
  const text = async (selector: string) => (await page.locator(selector).textContent()) ?? ""
  const shown = {
    server: await column("server"),
    client: await column("client"),
    reason: await text("#reason")
  }
  return { page, problems, requests, shown }
}

describe.skipIf(!hasChromium).each(["express", "effect-http"])("the page of the example %s", name => {
  let browser: Browser
  let example: Example

  beforeAll(async () => {
    ;[example, browser] = await Promise.all([serve(name), launch()])
  })

  afterAll(async () => {
    await Promise.all([browser.close(), example.stop()])
  })

  it("has the server's values, and makes no request for more", async () => {
    const { origin } = example
    const visitors = ["powerShopper", "vip", "nobody"]
    const loaded = await Promise.all(visitors.map(visitor => load(browser, origin, visitor)))
    for (const { problems, requests, shown } of loaded) {
      expect(problems).toEqual([])
      expect(requests).toEqual([origin, `${origin}page.js`])
      expect(shown.reason).toBe("Bootstrap:Recognized")
      expect(Object.keys(shown.server).length).toBeGreaterThan(10)
      expect(shown.client).toEqual(shown.server)
    }
    expect(new Set(loaded.map(({ shown }) => JSON.stringify(shown.client))).size).toBe(visitors.length)
  })

  it("is recognised when it does make a request", async () => {
    const { page, requests } = await load(browser, example.origin, "vip")
    await page.evaluate(() => fetch("/elsewhere"))
    expect(requests.at(-1)).toBe(`${example.origin}elsewhere`)
  })
})
