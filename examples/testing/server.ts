/** A small program to test: it creates its own client, as programs of the Promise API do. */
import { Statsig, StatsigUser } from "statsig-effect/promise"

export const statsig = Statsig.newShared("secret-key", { environment: "production" })

export const start = () => statsig.initialize()

export const greeting = (userID: string): string => {
  const user = new StatsigUser({ userID })
  return Statsig.shared().checkGate(user, "warm_welcome") ? `Welcome back, ${userID}!` : "Hello."
}
