/**
 * The atomic operations in Redis. Each script contains `common`, and gets the keys of one value.
 *
 * A value is a plain string under its own key, so that other tools can read it; a hash next to it (`{<key>}|meta`, on
 * the same node of a cluster) holds its version, the id of its write, and a checksum of both. Writing compares
 * versions, so an older value never replaces a newer one, even if it arrives late. If the checksum shows that the value
 * or its version was changed by another program, the next write replaces them.
 */

/** Keys of every script: the value, its metadata, the lease of the fetching process. */
const keysOf = (key: string): ReadonlyArray<string> => [key, `{${key}}|meta`, `{${key}}|lease`]

/** The checksum of values up to this size in bytes covers all of them, of longer ones their length: it blocks Redis. */
const longestSummed = 1024 * 1024

/**
 * The common part of the scripts. The keys may hold anything: other programs, other versions and people write to Redis
 * too. A value of another type counts as absent. The version only counts if it and the value are still those that were
 * written together.
 */
const common = `
local function is(key, kind) return redis.call("TYPE", key)["ok"] == kind end
local function meta(field) return is(KEYS[2], "hash") and redis.call("HGET", KEYS[2], field) end
local function lease() return is(KEYS[3], "string") and redis.call("GET", KEYS[3]) end
local function size() return redis.call("STRLEN", KEYS[1]) end
local function sum(version)
  local value = size() > ${longestSummed} and size() or redis.call("GET", KEYS[1])
  return redis.sha1hex(version .. " " .. value)
end
local function version()
  local text = is(KEYS[1], "string") and meta("version")
  return text and meta("sum") == sum(text) and tonumber(text)
end
`

/** In milliseconds. Versions are times, and clocks differ a little. */
const farthestVersion = 24 * 60 * 60 * 1_000

/**
 * Of equal versions, the value of the lease holder wins. A version from the future would block all others for ever, and
 * is replaced. Returns whether it wrote.
 */
export const writeScript = `
local held = version()
local now = tonumber(redis.call("TIME")[1]) * 1000
if held and held <= now + ${farthestVersion} then
  local next = tonumber(ARGV[2])
  if held > next then return 0 end
  local holder = lease()
  if held == next and holder and holder ~= ARGV[3] then return 0 end
end
redis.call("SET", KEYS[1], ARGV[1])
redis.call("DEL", KEYS[2])
redis.call("HSET", KEYS[2], "version", ARGV[2], "write", ARGV[4], "size", size(), "sum", sum(ARGV[2]))
redis.call("PUBLISH", ARGV[5], ARGV[6])
return 1`

/** Returns only a 1 when the value is that of the given write. */
export const readScript = `
if not is(KEYS[1], "string") then return {0, false, false, false} end
local write = meta("write")
if write and write == ARGV[1] and meta("size") == tostring(size()) then return {1} end
return {0, redis.call("GET", KEYS[1]), write, version() and meta("version")}`

/** A value as a script returns it. */
export type Value = string | Buffer

/** The command that runs a script on the keys of `key`. */
export const commandOf = (script: string, key: string, input: ReadonlyArray<Value>): Array<Value> => {
  const keys = keysOf(key)
  return ["EVAL", common + script, String(keys.length), ...keys, ...input]
}
