import { type NextRequest, NextResponse } from "next/server"

/** Gives each browser an ID, by which Statsig identifies the visitor, here and in the browser. */
export const proxy = (request: NextRequest) => {
  if (request.cookies.has("stable_id")) return NextResponse.next()
  const id = crypto.randomUUID()
  request.cookies.set("stable_id", id)
  const response = NextResponse.next({ request: { headers: request.headers } })
  response.cookies.set("stable_id", id, { httpOnly: true, sameSite: "lax", maxAge: 31_536_000 })
  return response
}

export const config = { matcher: "/" }
