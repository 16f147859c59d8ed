"""The Lua scripts of Redis streams: each runs as a whole or not at all.

Keys of a stream NAME: `NAME:meta` (hash: number of shards), the shards `NAME` (one) or `NAME:0`,
`NAME:1` …, `NAME:group:GROUP` (hash: members and which of them reads which shard), and for ten
minutes `NAME:push:ID` (number of the last push of a producer, so that a repeated push is not stored
twice).
"""

from __future__ import annotations

__all__ = ["CREATE", "FORWARD", "KEEP_ALIVE", "LEASE", "LEAVE", "PUSH", "TAKE_OVER", "TRIM"]

# KEYS: meta, [one shard]. ARGV: wanted number of shards. Returns the number it has.
CREATE = """
redis.call('HSETNX', KEYS[1], 'shards', ARGV[1])
return tonumber(redis.call('HGET', KEYS[1], 'shards'))
"""

_ADD = """
local function add(key, body, name, headers)
  if headers ~= '' then
    redis.call('XADD', key, '*', 'body', body, 'key', name, 'headers', headers)
  elseif name ~= '' then
    redis.call('XADD', key, '*', 'body', body, 'key', name)
  else
    redis.call('XADD', key, '*', 'body', body)
  end
end
"""

# KEYS: meta, producer, shards… ARGV: number of shards, number of this push, then for each record:
# index of its shard in KEYS, body, key, headers. Returns 0 if this push was stored before.
PUSH = (
    _ADD
    + """
redis.call('HSETNX', KEYS[1], 'shards', ARGV[1])
if redis.call('GET', KEYS[2]) == ARGV[2] then return 0 end
for i = 3, #ARGV, 4 do
  add(KEYS[tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', 600000)
return 1
"""
)

# Acknowledge and push in one step.
# KEYS: the group's members ('' without leases), all other keys. ARGV: group, token, member, number
# of inputs, then for each: index of its shard in KEYS, shard number, count, ids…; then the outputs
# as for PUSH. Returns -1: the shard is not this member's any more; else how many ids were
# acknowledged, 0 meaning that all of it was done before.
FORWARD = (
    _ADD
    + """
local at, acked, inputs = 5, 0, {}
for n = 1, tonumber(ARGV[4]) do
  local count = tonumber(ARGV[at + 2])
  inputs[n] = {at, count}
  if KEYS[1] ~= '' and redis.call('HGET', KEYS[1], 's:' .. ARGV[at + 1]) ~= ARGV[3] then
    return -1
  end
  at = at + 3 + count
end
if KEYS[1] ~= '' then
  local me = redis.call('HGET', KEYS[1], 'm:' .. ARGV[3])
  if not me or string.sub(me, 1, #ARGV[2]) ~= ARGV[2] then return -1 end
end
for _, input in ipairs(inputs) do
  local first, count = input[1] + 3, input[2]
  for i = first, first + count - 1, 1000 do
    local last = math.min(i + 999, first + count - 1)
    acked = acked + redis.call('XACK', KEYS[tonumber(ARGV[input[1]])], ARGV[1],
      unpack(ARGV, i, last))
  end
end
if acked == 0 then return 0 end
for i = at, #ARGV, 4 do
  add(KEYS[tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
end
return acked
"""
)

# Join or stay in a group, and take this member's share of the shards.
# KEYS: members. ARGV: member, token, milliseconds until it counts as dead, number of shards,
# 1 to take the name from an earlier process, then shards that must not be given back now.
# Returns -1: another process has the name; else the shards that are this member's.
LEASE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, token, shards = ARGV[1], ARGV[2], tonumber(ARGV[4])
local all, names, owners = redis.call('HGETALL', KEYS[1]), {}, {}
local expires = {}
for i = 1, #all, 2 do
  local kind, name = string.sub(all[i], 1, 2), string.sub(all[i], 3)
  if kind == 's:' then
    owners[name] = all[i + 1]
  elseif name == me then
    if ARGV[5] ~= '1' and string.sub(all[i + 1], 1, #token) ~= token then return -1 end
  elseif tonumber(string.match(all[i + 1], '|(%d+)$')) < now then
    redis.call('HDEL', KEYS[1], all[i])
  else
    names[#names + 1] = name
    expires[name] = true
  end
end
names[#names + 1] = me
expires[me] = true
redis.call('HSET', KEYS[1], 'm:' .. me, token .. '|' .. string.format('%d', now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], 86400000)
table.sort(names)
local share = math.floor(shards / #names)
for i, name in ipairs(names) do
  if name == me and i <= shards % #names then share = share + 1 end
end
local kept, mine, count = {}, {}, 0
for i = 6, #ARGV do kept[ARGV[i]] = true end
for pass = 1, 2 do
  for n = 0, shards - 1 do
    local shard = tostring(n)
    if owners[shard] == me and (pass == 1) == (kept[shard] == true) then
      if pass == 1 or count < share then
        mine[#mine + 1] = n
        count = count + 1
      else
        redis.call('HDEL', KEYS[1], 's:' .. shard)
      end
    end
  end
end
for n = 0, shards - 1 do
  local shard = tostring(n)
  if count < share and not (owners[shard] and expires[owners[shard]]) then
    redis.call('HSET', KEYS[1], 's:' .. shard, me)
    mine[#mine + 1] = n
    count = count + 1
  end
end
table.sort(mine)
return mine
"""

# KEYS: members. ARGV: member, token, milliseconds. Returns 1; 0: it was declared dead; -1: another
# process has its name.
KEEP_ALIVE = """
local found = redis.call('HGET', KEYS[1], 'm:' .. ARGV[1])
if not found then return 0 end
if string.sub(found, 1, #ARGV[2]) ~= ARGV[2] then return -1 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'm:' .. ARGV[1], ARGV[2] .. '|' .. string.format('%d', now + ARGV[3]))
return 1
"""

# KEYS: members. ARGV: member, token.
LEAVE = """
local found = redis.call('HGET', KEYS[1], 'm:' .. ARGV[1])
if not found or string.sub(found, 1, #ARGV[2]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], 'm:' .. ARGV[1])
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 's:' and all[i + 1] == ARGV[1] then
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return 1
"""

# Make what other readers of a shard left unacknowledged this member's, and forget those readers.
# KEYS: shard. ARGV: group, member, cursor. Returns the next cursor, "0-0" at the end.
TAKE_OVER = """
local found = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'COUNT', 500,
  'JUSTID')
if found[1] == '0-0' then
  for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local reader = {}
    for i = 1, #row, 2 do reader[row[i]] = row[i + 1] end
    if reader.name ~= ARGV[2] and reader.pending == 0 then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], reader.name)
    end
  end
end
return found[1]
"""

# Forget records that every group has acknowledged (or that nobody waits for).
# KEYS: shard. ARGV: how many to keep ('' no such rule), how many milliseconds to keep them ('' no
# such rule). Returns how many went.
TRIM = """
local function below(a, b)
  local ams, an = string.match(a, '(%d+)-(%d+)')
  local bms, bn = string.match(b, '(%d+)-(%d+)')
  if #ams ~= #bms then return #ams < #bms end
  if ams ~= bms then return ams < bms end
  if #an ~= #bn then return #an < #bn end
  return an < bn
end
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local groups, safe = redis.call('XINFO', 'GROUPS', KEYS[1]), '18446744073709551615-0'
for _, row in ipairs(groups) do
  local group = {}
  for i = 1, #row, 2 do group[row[i]] = row[i + 1] end
  local first = group['last-delivered-id']
  if group.pending > 0 then first = redis.call('XPENDING', KEYS[1], group.name)[2] end
  if below(first, safe) then safe = first end
end
local keep, hours, gone = ARGV[1], ARGV[2], 0
if keep == '' and hours == '' then
  if #groups == 0 then return 0 end
  return redis.call('XTRIM', KEYS[1], 'MINID', '~', safe, 'LIMIT', 0)
end
if hours ~= '' then
  local time = redis.call('TIME')
  local oldest = string.format('%d-0', time[1] * 1000 + math.floor(time[2] / 1000) - hours)
  if below(safe, oldest) then oldest = safe end
  gone = redis.call('XTRIM', KEYS[1], 'MINID', '~', oldest, 'LIMIT', 0)
end
if keep ~= '' then
  local extra = redis.call('XLEN', KEYS[1]) - keep
  if extra > 0 then
    gone = gone + redis.call('XTRIM', KEYS[1], 'MINID', '~', safe, 'LIMIT', extra)
  end
end
return gone
"""
