"""What drains say to Redis: one script a step, so one round trip and one flush of the broker's disk.

The keys and what they mean: `domain.streams`. The scripts may write while the broker's memory is full (`allow-oom`):
what they write is small, and makes room.
"""

from typing import Final

# KEYS: watch, hold, paused, idle, broker, recorded; then for each shard, in order of preference: stream, lease, bell,
# caution, fuse.
# ARGV: owner, milliseconds of a lease and of a watch, most entries, most bytes, the shard whose bell called (or ''),
# most entries of the idle stream, what `broker` should hold; then the shards' numbers.
# Gives: why nothing is taken, or ''; for each shard taken: its number, how many drains died at its first entry alone,
# seen and dead of its fuse, the number of its last batch, its entries; the shards that are empty; the last entry of the
# idle stream if the caller is now the one that waits, or ''; what `broker` holds. Where that is not what it should be,
# the broker is perhaps another ledger's: nothing is taken, and nothing is changed.
TAKE: Final = """#!lua flags=allow-oom
local owner, lease_time, watch_time = ARGV[1], ARGV[2], ARGV[3]
local left, room, called, kept = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], ARGV[7]
local broker = redis.call('GET', KEYS[5]) or ''
if broker ~= ARGV[8] then return {'', {}, {}, '', broker} end
local watcher = redis.call('GET', KEYS[1])
if watcher == owner then redis.call('DEL', KEYS[1]) end
local held = redis.call('GET', KEYS[2])
local all_paused = redis.call('HEXISTS', KEYS[3], 'all') == 1

-- The oldest entries, in steps that grow: a step of large ones must not be more than memory holds.
local function oldest(stream, most)
  local found, after, step = {}, '-', 1
  while #found < most and room > 0 do
    local entries = redis.call('XRANGE', stream, after, '+', 'COUNT', math.min(step, most - #found))
    for _, entry in ipairs(entries) do
      found[#found + 1] = entry
      for _, field in ipairs(entry[2]) do room = room - #field end
    end
    if #entries < step then break end
    after = '(' .. entries[#entries][1]
    step = step * 4
  end
  left = left - #found
  return found
end

-- All that can fail is read before anything is written: a key of another type must not leave half of the leases taken.
local shards, waiting = {}, 0
for place = 1, #ARGV - 8 do
  local shard, first = ARGV[8 + place], 5 * place + 2
  local stream, lease, _, caution, fuse = unpack(KEYS, first, first + 4)
  local one = {
    waiting = redis.call('XLEN', stream),
    free = redis.call('EXISTS', lease) == 0,
    stopped = held or all_paused or redis.call('HEXISTS', KEYS[3], shard) == 1,
    size = tonumber(redis.call('HGET', caution, 'size') or nil),
    fuse = redis.call('HMGET', fuse, 'seen', 'dead'),
  }
  if one.free and not one.stopped then waiting = waiting + one.waiting end
  shards[place] = one
end

-- A part of what there is, unless that is hardly worth the way: the rest is for other drains, and nobody waits long for
-- the end of a batch. A backlog makes full ones.
left = math.min(left, math.max(32, math.ceil(waiting / 4)))

local taken, empty = {}, {}
for place, one in ipairs(shards) do
  local shard, first = ARGV[8 + place], 5 * place + 2
  local stream, lease, bell, caution = unpack(KEYS, first, first + 3)
  if shard == called then redis.call('DEL', bell) end
  if one.waiting == 0 then
    empty[#empty + 1] = shard
  elseif one.free and not one.stopped then
    -- A shard under caution is taken alone: whoever dies there must not be counted against others.
    if one.size and #taken > 0 then left = 0 end
    if left <= 0 or room <= 0 then
      -- While there is a watch no bells are rung: what is left for others is told to them, and to the pumps.
      if watcher then redis.call('XADD', KEYS[4], 'MAXLEN', '~', kept, '*', 'shard', shard) end
      watcher = nil
    else
      redis.call('SET', lease, owner, 'PX', lease_time)
      -- An entry that kills its readers is found by halving: this drain is taken for dead until it says otherwise.
      local size, deaths = one.size or tonumber(ARGV[4]), 0
      redis.call('HSET', caution, 'size', math.max(1, math.floor(size / 2)))
      if size == 1 then deaths = redis.call('HINCRBY', caution, 'deaths', 1) - 1 end
      local entries = oldest(stream, math.min(size, left))
      local batch = redis.call('HGET', KEYS[6], shard) or '0'
      taken[#taken + 1] = {shard, deaths, one.fuse[1] or '0', one.fuse[2] or '0', batch, entries}
      if one.size then left = 0 end
    end
  end
end
local after = ''
if #taken == 0 and not held and redis.call('SET', KEYS[1], owner, 'NX', 'PX', watch_time) then
  local last = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)
  after = last[1] and last[1][1] or '0-0'
end
return {held or '', taken, empty, after, broker}
"""

# KEYS: failures, counters, rate, paused, recorded; then for each shard: stream, lease, caution, fuse.
# ARGV: owner, seconds a rate is kept, most entries, recorded, repeated, dead; then for each shard: its number, seen and
# dead of its fuse, why it is paused (or ''), the number of its batch (0 where there was none), how many entries are
# recorded, and their ids.
# Gives: how often the database was not to be had before.
DONE: Final = """#!lua flags=allow-oom
local owner = ARGV[1]
for place, name in ipairs({'recorded', 'repeated', 'dead'}) do
  if ARGV[3 + place] ~= '0' then
    redis.call('HINCRBY', KEYS[2], name, ARGV[3 + place])
    redis.call('HINCRBY', KEYS[3], name, ARGV[3 + place])
  end
end
redis.call('EXPIRE', KEYS[3], ARGV[2])
local time = redis.call('TIME')
redis.call('HSET', KEYS[5], 'at', time[1] * 1000 + math.floor(time[2] / 1000))
local argument, key = 7, 6
while argument < #ARGV do
  local shard, seen, dead, why, batch, count = unpack(ARGV, argument, argument + 5)
  local stream, lease, caution, fuse = unpack(KEYS, key, key + 3)
  local last = argument + 5 + count
  if tonumber(batch) > tonumber(redis.call('HGET', KEYS[5], shard) or '0') then
    redis.call('HSET', KEYS[5], shard, batch)
  end
  for first = argument + 6, last, 1000 do
    redis.call('XDEL', stream, unpack(ARGV, first, math.min(first + 999, last)))
  end
  redis.call('HSET', fuse, 'seen', seen, 'dead', dead)
  if why ~= '' then redis.call('HSETNX', KEYS[4], shard, why) end
  local size = 4 * tonumber(redis.call('HGET', caution, 'size') or ARGV[3])
  redis.call('DEL', caution)
  if size < tonumber(ARGV[3]) then redis.call('HSET', caution, 'size', size) end
  if redis.call('GET', lease) == owner then redis.call('DEL', lease) end
  argument, key = last + 1, key + 4
end
local failures = redis.call('GET', KEYS[1])
if failures then redis.call('DEL', KEYS[1]) end
return tonumber(failures or '0')
"""

# KEYS: hold, failures; then for each shard: lease, caution. ARGV: owner, why, longest hold in milliseconds.
# Gives: how often in a row the database was not to be had.
HOLD: Final = """#!lua flags=allow-oom
local failures = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'PX', math.min(500 * 2 ^ math.min(failures, 10), tonumber(ARGV[3])))
for key = 3, #KEYS, 2 do
  if redis.call('GET', KEYS[key]) == ARGV[1] then redis.call('DEL', KEYS[key]) end
  redis.call('DEL', KEYS[key + 1])
end
return failures
"""

# KEYS: for each shard: lease, caution. ARGV: owner, milliseconds.
# Who is alive after so long was not killed by what it took: it waits for the database.
RENEW: Final = """#!lua flags=allow-oom
for key = 1, #KEYS, 2 do
  if redis.call('GET', KEYS[key]) == ARGV[1] then
    redis.call('PEXPIRE', KEYS[key], ARGV[2])
    redis.call('HDEL', KEYS[key + 1], 'deaths')
  end
end
"""

# KEYS: leases. ARGV: owner. The caution stays.
ABANDON: Final = """#!lua flags=allow-oom
for _, lease in ipairs(KEYS) do
  if redis.call('GET', lease) == ARGV[1] then redis.call('DEL', lease) end
end
"""

# KEYS: watch, idle; then for each shard: lease, caution. ARGV: owner, most entries of the idle stream.
LEAVE: Final = """#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
for key = 3, #KEYS, 2 do
  if redis.call('GET', KEYS[key]) == ARGV[1] then redis.call('DEL', KEYS[key], KEYS[key + 1]) end
end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'shard', 'all')
"""
