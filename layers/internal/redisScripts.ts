/**
 * What Redis does in one step. Each script has what stands in `common`, and the keys that belong to one value.
 *
 * A value is a plain string under its own key, so that other tools can read it; its version, the name of the write it
 * came by, and a sum of both stand in a hash beside it (`{<key>}|meta`, on the same node of a cluster). Writing compares
 * versions, so an older value never replaces a newer one, whoever comes late. Where the sum says that the value or its
 * version was changed by another hand, the next write replaces them.
 */

/** In every script: the value, what is known of it, the lease of the one that fetches it. */
const keysOf = (key: string): ReadonlyArray<string> => [key, `{${key}}|meta`, `{${key}}|lease`]

/** Values up to this many bytes are summed whole, longer ones by their length: Redis does nothing else meanwhile. */
const longestSummed = 1024 * 1024

/**
 * What the scripts have in common. Anything may stand under the keys: other programs, other versions and people write to
 * Redis too. What is of another type counts as absent. The version is only believed where it and the value are still
 * those that were written together.
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

/** In milliseconds. Versions are moments, and clocks differ a little. */
const farthestVersion = 24 * 60 * 60 * 1_000

/**
 * Of the same version, the value counts that the holder of the lease writes. A version from the future would keep all
 * others out for ever, and gives way. Answers whether it wrote.
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

/** Answers with nothing but a 1 when the value is that of the given write. */
export const readScript = `
if not is(KEYS[1], "string") then return {0, false, false, false} end
local write = meta("write")
if write and write == ARGV[1] and meta("size") == tostring(size()) then return {1} end
return {0, redis.call("GET", KEYS[1]), write, version() and meta("version")}`

export type Value = string | Buffer

/** The command that runs a script on the keys of `key`. */
export const commandOf = (script: string, key: string, input: ReadonlyArray<Value>): Array<Value> => {
  const keys = keysOf(key)
  return ["EVAL", common + script, String(keys.length), ...keys, ...input]
}
