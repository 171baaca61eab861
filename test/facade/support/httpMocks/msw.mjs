import { HttpResponse, http } from "msw"
import { setupServer } from "msw/node"
import { key, origin, payload, print, useStatsig } from "./program.mjs"

const seen = []
const see = ({ request }) => seen.push(`${request.method} ${request.headers.get("statsig-api-key")}`)
const server = setupServer(
  http.get(`${origin}/v2/download_config_specs/${key}.json`, info => {
    see(info)
    return HttpResponse.json(payload)
  }),
  http.post(`${origin}/v1/log_event`, info => {
    see(info)
    return HttpResponse.json({ success: true })
  })
)
server.listen({ onUnhandledRequest: "error" })
print({ ...(await useStatsig()), seen: seen.join() === `GET ${key},POST ${key}` })
