"""The Lua scripts of the Redis store: each runs as a whole or not at all."""

from __future__ import annotations

__all__ = ["PLACE", "PRUNE", "PUT", "RENAME"]

# Bytes 2 to 9 of a blob are its event time, in an order that bytes have: two unsigned halves, since
# Lua's numbers are exact to 2^53 only, and its comparison of texts depends on the server's locale.
_NEWER = """
local function newer(key, time)
  local stored = redis.call('GETRANGE', key, 1, 8)
  if #stored < 8 or #time < 8 or stored == time then return true end
  local high, low = struct.unpack('>I4I4', stored)
  local mine, rest = struct.unpack('>I4I4', time)
  return mine > high or (mine == high and rest > low)
end
"""

# KEYS: keys of rows. ARGV: for each its blob, and the milliseconds since 1970 at which it expires
# (0: never).
PUT = (
    _NEWER
    + """
local now = nil
for i = 1, #KEYS do
  local blob, expires = ARGV[2 * i - 1], ARGV[2 * i]
  if newer(KEYS[i], string.sub(blob, 2, 9)) then
    if expires == '0' then
      redis.call('SET', KEYS[i], blob)
    else
      if not now then
        local time = redis.call('TIME')
        now = time[1] * 1000 + math.floor(time[2] / 1000)
      end
      local left = tonumber(expires) - now
      if left > 0 then
        redis.call('SET', KEYS[i], blob, 'PX', string.format('%d', left))
      else
        redis.call('DEL', KEYS[i])
      end
    end
  end
end
return 1
"""
)

# KEYS: the hash of positions, then keys of states. ARGV: feed, place ('' feed: no position), then
# a blob for each state.
PLACE = """
for i = 2, #KEYS do
  redis.call('SET', KEYS[i], ARGV[i + 1])
end
if ARGV[1] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return 1
"""

# The two below look at some keys and give the cursor of the next ones: names of keys never leave
# the server. ARGV: the cursor, the pattern of keys.

# Remove what the new content does not have. ARGV: what is before the new keys.
PRUNE = """
local found = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 500)
for _, key in ipairs(found[2]) do
  if redis.call('EXISTS', ARGV[3] .. key) == 0 then
    redis.call('DEL', key)
  end
end
return found[1]
"""

# Give staged rows their keys. ARGV: the length of what is before these; 1: what is there is
# replaced whatever its time.
RENAME = (
    _NEWER
    + """
local found = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 500)
for _, staged in ipairs(found[2]) do
  if redis.call('EXISTS', staged) == 1 then
    local key = string.sub(staged, ARGV[3] + 1)
    if ARGV[4] == '1' or string.sub(key, 1, 2) ~= 'v1'
      or newer(key, redis.call('GETRANGE', staged, 1, 8)) then
      redis.call('RENAME', staged, key)
    else
      redis.call('DEL', staged)
    end
  end
end
return found[1]
"""
)
