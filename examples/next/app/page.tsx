import { cookies } from "next/headers"
import { after } from "next/server"
import { StatsigUser } from "statsig-effect/promise"
import { getStatsig } from "../lib/statsig"
import { BuyButton } from "./BuyButton"

/** The current visitor. A shop adds the signed-in user from its session. */
const currentUser = async (): Promise<StatsigUser> => {
  const stableID = (await cookies()).get("stable_id")?.value ?? ""
  return new StatsigUser({ customIDs: { stableID } })
}

export default async function Page() {
  const [statsig, user] = await Promise.all([getStatsig(), currentUser()])
  const isNew = statsig.checkGate(user, "new_checkout")
  // After the page is sent: a function may be frozen before it would flush its exposures.
  after(() => statsig.flushEvents())
  return (
    <main>
      <h1>{isNew ? "The new checkout" : "The old checkout"}</h1>
      <BuyButton values={statsig.getClientInitializeResponse(user)} />
    </main>
  )
}
