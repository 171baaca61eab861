/** The engine alone: from a payload, a user and a host to a record, without service or network. */
import { Effect } from "effect"
import { ClientInitialize } from "../../../src/engine/clientInitialize/clientInitialize.js"
import type { Host } from "../../../src/engine/conditions/conditions.js"
import { Engine, type EngineOverlay } from "../../../src/engine/engine.js"
import type { Snapshot } from "../../../src/engine/payload/snapshot.js"
import * as Specs from "../../../src/Specs.js"
import { makeHost } from "./host.js"

/** The snapshot of a valid payload. */
export const parseSpecs = async (specs: string, before?: Snapshot): Promise<Snapshot> => {
  const parsed = await Effect.runPromise(Specs.parse(specs, () => {}, before))
  if (parsed._tag === "NoUpdates") throw new Error("the payload has no updates")
  return parsed.snapshot
}

export interface EngineParts extends EngineOverlay {
  readonly host?: Partial<Host>
  readonly source?: string
  /** Called for experiments that conditions read. */
  readonly onExperimentRead?: (name: string, exposed: boolean) => void
}

/** An engine over one snapshot. */
export const engineOver = (
  snapshot: Snapshot | undefined,
  { host, onExperimentRead, overrides, persistence, source = "Network" }: EngineParts = {}
): Engine => {
  const view = { source, snapshot, receivedAt: 1, defaultEnvironment: snapshot?.defaultEnvironment }
  return new Engine(
    {
      host: makeHost(host),
      view: () => view,
      onExperimentRead: (_user, name, _evaluation, exposed) => onExperimentRead?.(name, exposed),
      responses: new ClientInitialize(JSON.stringify({ sdkType: "test", sdkVersion: "1", sessionId: "session" }))
    },
    { overrides, persistence }
  )
}
