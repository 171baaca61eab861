"use client"

import { StatsigClient } from "@statsig/js-client"
import { useState } from "react"

const key = process.env["NEXT_PUBLIC_STATSIG_CLIENT_KEY"]

let ofBrowser: StatsigClient | undefined

/** The browser's client, one until the page is reloaded. On the server each rendering has its own. */
const clientOf = (values: string): StatsigClient => {
  if (ofBrowser !== undefined) return ofBrowser
  const client = new StatsigClient(
    key ?? "client-none",
    JSON.parse(values).user,
    key === undefined ? { loggingEnabled: "disabled" } : null
  )
  client.dataAdapter.setData(values)
  client.initializeSync()
  if (typeof window !== "undefined") ofBrowser = client
  return client
}

/** `values` is the result of the server's `getClientInitializeResponse`. */
export const BuyButton = ({ values }: { values: string }) => {
  const [client] = useState(() => clientOf(values))
  const button = client.getExperiment("checkout_button")
  return (
    <p>
      <button type="button" style={{ background: button.get("color", "grey") }}>
        Buy
      </button>{" "}
      in {button.get("color", "grey")} ({button.details.reason})
    </p>
  )
}
