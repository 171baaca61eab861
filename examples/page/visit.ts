/**
 * Visits an example's own page, like a browser: the values are taken out of the HTML, and the browser's SDK starts from
 * them.
 */
import { isDeepStrictEqual } from "node:util"
import { askClient } from "./client.js"
import { cookies } from "./page.js"

const valuesOf = (html: string): string => /id="statsig-values">(.*?)<\/script>/s.exec(html)?.[1] ?? ""

const serverAnswers = (html: string): Record<string, string> =>
  Object.fromEntries(Array.from(html.matchAll(/id="server:(.*?)">(.*?)</g), ([, name, text]) => [name, text]))

const unescaped = (text: string): string => text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))

/** Visits the page and returns a summary; fails when browser and server differ. */
export const visit = async (origin: string, visitor: string): Promise<string> => {
  const [page, script] = await Promise.all([
    fetch(origin, { headers: { cookie: `${cookies.visitor}=${visitor}` } }),
    fetch(new URL("/page.js", origin))
  ])
  const [html, code] = [await page.text(), await script.text()]
  if (!page.ok || !script.ok) throw new Error(`the page answered ${page.status}, its script ${script.status}`)
  const values = valuesOf(html)
  const { answers, reason } = askClient(values)
  const server = Object.entries(serverAnswers(html)).map(([name, text]) => [name, JSON.parse(unescaped(text))])
  if (!isDeepStrictEqual(Object.fromEntries(server), answers)) throw new Error("browser and server do not answer alike")
  const { dynamic_configs, feature_gates, layer_configs } = JSON.parse(values)
  const count = (entries: object) => Object.keys(entries).length
  return [
    `${visitor} gets a page of ${html.length} characters, and a script of ${code.length}.`,
    `In the page: ${count(feature_gates)} gates, ${count(dynamic_configs)} configs and experiments, ` +
      `${count(layer_configs)} layers.`,
    `The browser's SDK starts from them without a request and answers as the server does (${reason}):`,
    ...Object.entries(answers).map(([name, value]) => `  ${name.padEnd(34)} ${JSON.stringify(value)}`)
  ].join("\n")
}
