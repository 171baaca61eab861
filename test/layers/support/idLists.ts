import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { Effect, Layer, Redacted } from "effect"
import * as FetchClient from "../../../layers/HttpClient/Fetch.js"
import * as Http from "../../../layers/IdLists/Http.js"
import { idListHash } from "../../../layers/LocalStatsig.js"
import { idListKey } from "../../../src/engine/hashing/sha256.js"
import type { IdLists } from "../../../src/IdLists.js"

export const key = "secret-testkey1234567890"
export const sdkKey = Redacted.make(key)

export type Answer = (request: HttpClientRequest.HttpClientRequest, number: number) => Response

/** A client that responds as `answer` says and keeps its requests. */
export const stubClient = (answer: Answer) => {
  const requests: Array<HttpClientRequest.HttpClientRequest> = []
  const client = HttpClient.make(request =>
    Effect.sync(() => HttpClientResponse.fromWeb(request, answer(request, requests.push(request))))
  )
  return { requests, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

export const make = (
  options: Partial<Http.HttpOptions>,
  client: Layer.Layer<HttpClient.HttpClient> = FetchClient.layer
) => Effect.provide(Http.make({ sdkKey, ...options }), client)

export const members = (lists: IdLists["Type"], list: string, ids: ReadonlyArray<string>) =>
  ids.filter(id => {
    const { high, low } = idListKey(id)
    return lists.contains(list, high, low)
  })

export const people = ["alice", "bob", "carol", "dave"]
export const linesOf = (...ids: ReadonlyArray<string>) => ids.map(id => `+${idListHash(id)}\n`).join("")

export const listStatus = (lists: IdLists["Type"], name: string) =>
  Effect.map(lists.status, status => status.lists.find(list => list.name === name))
