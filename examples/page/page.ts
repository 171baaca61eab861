/** The page of the example servers: the server's values, and the response from which the browser's SDK starts. */
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import type { StatsigUser } from "statsig-effect"
import { users } from "../shop/users.js"
import type { Answers } from "./answers.js"

/** The names of the cookies: the signed-in customer, and the browser's ID, which the server assigns. */
export const cookies = { visitor: "visitor", stableID: "stable_id" }

/** The visitor behind a request: the signed-in customer of the shop, or else the user of this browser. */
export const visitorOf = (
  visitor: string | undefined,
  stableID: string,
  userAgent: string
): StatsigUser.StatsigUserInput =>
  visitor !== undefined && Object.hasOwn(users, visitor)
    ? users[visitor as keyof typeof users]
    : { customIDs: { stableID }, userAgent }

/** The page's script with Statsig's browser SDK in it, from `node_modules`. */
export const bundleScript = async (): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("browser.ts", import.meta.url))],
    bundle: true,
    minify: true,
    write: false
  })
  return outputFiles[0]?.text ?? ""
}

const escaped = (text: string): string => text.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`)

/** JSON that cannot end the script element around it. In UTF-8 the byte of `<` is part of no other character. */
const inScript = (json: Uint8Array): Array<Uint8Array> => {
  const parts: Array<Uint8Array> = []
  let start = 0
  for (let at = json.indexOf(lessThan); at >= 0; at = json.indexOf(lessThan, start)) {
    parts.push(json.subarray(start, at), escapedLessThan)
    start = at + 1
  }
  return [...parts, json.subarray(start)]
}

const lessThan = "<".charCodeAt(0)
const escapedLessThan = Buffer.from("\\u003c")

/** The page of one visitor, as UTF-8. `values` is the client initialize response; the page has a copy of it. */
export const renderPage = (answers: Answers, values: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(above(answers)), ...inScript(values), Buffer.from(below)])

const above = (answers: Answers): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>The Example Shop</title>
<link rel="icon" href="data:,">
<h1>The Example Shop</h1>
<table>
<tr><th>Asked</th><th>Server</th><th>Browser</th></tr>
${Object.entries(answers)
  .map(([name, value]) => {
    const id = escaped(name)
    return `<tr><td>${id}</td><td id="server:${id}">${escaped(JSON.stringify(value))}</td><td id="client:${id}"></td></tr>`
  })
  .join("\n")}
</table>
<p>The browser's answers: <span id="reason"></span></p>
<script type="application/json" id="statsig-values">`

const below = `</script>
<script src="/page.js"></script>
</html>
`
