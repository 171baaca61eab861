/**
 * Compiles the `ts` blocks of the documentation and the examples of docstrings, so that copied code works. Each is a
 * separate module.
 *
 * Code that a block needs and that would distract its reader is in a hidden comment before it:
 *
 *     <!-- snippet
 *     declare const user: StatsigUser.StatsigUser
 *     -->
 *
 * Docstrings omit more: `vocabulary.ts` has what their examples take for granted.
 *
 * Run it with `npx tsx scripts/check-snippets.ts`.
 */
import { readdirSync, readFileSync } from "node:fs"
import { compile } from "./compile.js"
import { preludeOf } from "./vocabulary.js"

interface Snippet {
  readonly page: string
  /** The line of the page before the first line of the block, from 1. */
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

/** The examples of a module's docstrings. Code that yields effects is wrapped in one. */
const examplesOf = (page: string): ReadonlyArray<Snippet> => {
  const content = readFileSync(page, "utf8")
  const examples = content.matchAll(/^ *\* @example\n((?: *\*(?! @|\/).*\n)+)/gm)
  return [...examples].map(example => {
    const text = (example[1] as string).replace(/^ *\* ?/gm, "").trimEnd()
    const isWithin = /^(const .* = )?yield\*/m.test(text)
    const whole = isWithin ? `Effect.gen(function* () {\n${text}\n})\n` : `\n${text}`
    const hidden = preludeOf(whole, /promise|src\/openfeature/.test(page))
    return { page, hidden, text: whole, line: lineAt(content, example.index) }
  })
}

const filesIn = (folder: string, ending: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter(name => name.endsWith(ending))
    .sort()
    .map(name => `${folder}/${name}`)

const pages = ["README.md", ...filesIn("docs", ".md")]
const modules = [...filesIn("src", ".ts"), ...filesIn("layers", ".ts")]
const found = [...pages.flatMap(snippetsOf), ...modules.flatMap(examplesOf)]
const snippets = new Map(found.map((snippet, index) => [`snippet${index}.ts`, snippet]))
const texts = new Map([...snippets].map(([name, { hidden, text }]) => [name, hidden + text]))
const mistakes = compile(texts, { noUnusedLocals: false, noUnusedParameters: false })

for (const { line, message, name } of mistakes) {
  const { hidden, line: before, page } = snippets.get(name)!
  console.error(`${page}:${before + line - hidden.split("\n").length + 1}: ${message}`)
}
if (mistakes.length > 0) process.exitCode = 1
else console.log(`${snippets.size} snippets of ${pages.length} pages and of docstrings compile.`)
