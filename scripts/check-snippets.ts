/**
 * Compiles the `ts` blocks of the documentation, so that what people copy works. Each block is a module of its own.
 *
 * What a block needs and would only distract its reader stands before it in a comment that no page shows:
 *
 *     <!-- snippet
 *     declare const user: StatsigUser.StatsigUser
 *     -->
 *
 * Run it with `npx tsx scripts/check-snippets.ts`.
 */
import { readdirSync, readFileSync } from "node:fs"
import { compile } from "./compile.js"

interface Snippet {
  readonly page: string
  /** The line of the page before the first of the block, from 1. */
  readonly line: number
  readonly hidden: string
  readonly text: string
}

const lineAt = (page: string, offset: number) => page.slice(0, offset).split("\n").length

const snippetsOf = (page: string): ReadonlyArray<Snippet> => {
  const content = readFileSync(page, "utf8")
  const blocks = content.matchAll(/(?:<!-- snippet\n([\s\S]*?)-->\n+)?^```ts\n([\s\S]*?)^```$/gm)
  return [...blocks].map(block => {
    const [whole, hidden = "", text = ""] = block
    return { page, hidden, text, line: lineAt(content, block.index + whole.lastIndexOf("```ts\n")) }
  })
}

const docs = readdirSync("docs", { recursive: true, encoding: "utf8" }).filter(name => name.endsWith(".md"))
const pages = ["README.md", ...docs.sort().map(name => `docs/${name}`)]
const snippets = new Map(pages.flatMap(snippetsOf).map((snippet, index) => [`snippet${index}.ts`, snippet]))
const texts = new Map([...snippets].map(([name, { hidden, text }]) => [name, hidden + text]))
const mistakes = compile(texts, { noUnusedLocals: false, noUnusedParameters: false })

for (const { line, message, name } of mistakes) {
  const { hidden, line: before, page } = snippets.get(name)!
  console.error(`${page}:${before + line - hidden.split("\n").length + 1}: ${message}`)
}
if (mistakes.length > 0) process.exitCode = 1
else console.log(`${snippets.size} snippets of ${pages.length} pages compile.`)
