/**
 * Type-checks texts that are not files of the repository: snippets of the documentation, generated code. They are
 * compiled with the repository's own options, and import the package by its name.
 */
import { join, resolve } from "node:path"
import ts from "typescript"

const root = resolve(import.meta.dirname, "..")

/** The package's exports, mapped to its sources. */
const paths = {
  "statsig-effect": ["./src/index.ts"],
  "statsig-effect/promise": ["./layers/promise.ts"],
  "statsig-effect/openfeature": ["./src/openfeature/StatsigProvider.ts"],
  "statsig-effect/layers/*": ["./layers/*.ts"]
}

/** An error that the compiler found. */
export interface Mistake {
  readonly name: string
  /** From 1. */
  readonly line: number
  readonly message: string
}

/** Compiles the texts together, each as a separate module, by name; names end in `.ts`. Returns their errors. */
export const compile = (
  texts: ReadonlyMap<string, string>,
  options: ts.CompilerOptions = {}
): ReadonlyArray<Mistake> => {
  const config = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile)
  const parsed = ts.parseJsonConfigFileContent(config.config, ts.sys, root, {
    paths,
    noEmit: true,
    incremental: false,
    ...options
  })
  const { tsBuildInfoFile: _, ...compilerOptions } = parsed.options
  const folder = join(root, "snippets")
  const files = new Map([...texts].map(([name, text]) => [join(folder, name), text]))
  const host = ts.createCompilerHost(compilerOptions)
  const { fileExists, getSourceFile, readFile } = host
  host.fileExists = file => files.has(file) || fileExists.call(host, file)
  host.readFile = file => files.get(file) ?? readFile.call(host, file)
  host.getSourceFile = (file, target, ...rest) => {
    const text = files.get(file)
    return text === undefined
      ? getSourceFile.call(host, file, target, ...rest)
      : ts.createSourceFile(file, text, target, true)
  }
  const program = ts.createProgram([...files.keys()], compilerOptions, host)
  return [...files.keys()].flatMap(file => {
    const source = program.getSourceFile(file)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ file: of, messageText, start = 0 }) => ({
        name: file.slice(folder.length + 1),
        line: 1 + (of?.getLineAndCharacterOfPosition(start).line ?? 0),
        message: ts.flattenDiagnosticMessageText(messageText, "\n")
      })
    )
  })
}
