import nock from "nock"
import { key, origin, payload, print, useStatsig } from "./program.mjs"

nock.disableNetConnect()
const api = nock(origin, { reqheaders: { "statsig-api-key": key } })
api.get(`/v2/download_config_specs/${key}.json`).reply(200, payload)
api.post("/v1/log_event").reply(202, { success: true })
print({ ...(await useStatsig()), seen: api.isDone() })
