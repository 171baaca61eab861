/**
 * A program that gets the text at a URL, for settings that a process reads only at its start. Its arguments are the URL
 * and the path of additional roots.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import { Effect } from "effect"
import * as NodeClient from "../../../layers/HttpClient/Node.js"
import { causesOf } from "../../../src/internal/http.js"

const [url = "", caCertPath] = process.argv.slice(2)

const text = Effect.flatMap(HttpClient.get(url), response => response.text).pipe(
  Effect.catchAll(error => Effect.succeed(causesOf(error))),
  // The client keeps no process alive; the caller does.
  Effect.timeout("10 seconds"),
  Effect.scoped,
  Effect.provide(NodeClient.layerWith({ caCertPath }))
)
process.stdout.write(await Effect.runPromise(text))
