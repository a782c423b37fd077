"""What drains say to Redis: one script a step, so one round trip and one flush of the broker's disk.

The keys and what they mean: `domain.streams`. The scripts may write while the broker's memory is full (`allow-oom`):
what they write is small, and makes room.
"""

from typing import Final

# KEYS: watch, hold, paused, idle, broker, aside, sizes, sources, recorded; then for each shard, in order of preference:
# stream, lease, bell, caution, fuse.
# ARGV: owner, milliseconds of a lease and of a watch, most entries, most bytes, most bytes of a stream that is read
# here, the shard whose bell called (or ''), most entries of the idle stream, what `broker` should hold; then the
# shards' numbers.
# Gives: why nothing is taken, or ''.
# For each shard taken: its number, how many drains died at its first entry alone, seen and dead of its fuse, its
# entries; if these are to be read in another way, how many at the most, else 0; the stream's weight; the number of its
# last batch.
# The shards that are empty; the last entry of the idle stream if the caller is now the one that waits, or ''; what
# `broker` holds. If that is not what it should be, the broker is perhaps another ledger's: nothing is taken, and
# nothing is changed.
# The sources that are set aside, entries and bytes of all that is, and the fuses of sources.
# For each shard that cannot be used: its number, and what Redis says.
TAKE: Final = """#!lua flags=allow-oom
local owner, lease_time, watch_time = ARGV[1], ARGV[2], ARGV[3]
local left, room, light = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local called, kept = ARGV[7], ARGV[8]
local fixed_keys, fixed = 9, 9
local broker = redis.call('GET', KEYS[5]) or ''
if broker ~= ARGV[9] then return {'', {}, {}, '', broker, {{}, {'0', '0'}, {}}, {}} end
local watcher = redis.call('GET', KEYS[1])
if watcher == owner then redis.call('DEL', KEYS[1]) end
local held = redis.call('GET', KEYS[2])
local all_paused = redis.call('HEXISTS', KEYS[3], 'all') == 1

-- The oldest entries, in steps that grow: a step of large ones must not be more than memory holds. Redis refuses to
-- look behind the last id that there is.
local function oldest(stream, most)
  local found, after, step = {}, '-', 1
  while #found < most and room > 0 do
    local entries = redis.call('XRANGE', stream, after, '+', 'COUNT', math.min(step, most - #found))
    for _, entry in ipairs(entries) do
      found[#found + 1] = entry
      for _, field in ipairs(entry[2]) do room = room - #field end
    end
    if #entries < step or entries[#entries][1] == '18446744073709551615-18446744073709551615' then break end
    after = '(' .. entries[#entries][1]
    step = step * 4
  end
  left = left - #found
  return found
end

-- How many of a stream's first `most` entries are light together, as far as can be told without a look at them; 0: a
-- large one may be among them, which here would be copied three times while everybody waits. And the stream's weight.
-- MEMORY USAGE takes the mean of the first nodes (an entry or more each) for that of all: it is never less than the sum
-- of so many first ones. A node holds 100 entries at the most (`stream-node-max-entries`), so of a long stream it is
-- far more than that sum; there a large entry is unlikely, and the bound is wider.
local function light_ones(stream, waiting, most)
  local weight = redis.call('MEMORY', 'USAGE', stream, 'SAMPLES', most)
  if weight <= light then return most, weight end
  local some = math.floor(16 * light * waiting / (100 * weight))
  return some >= math.min(64, most) and math.min(some, most) or 0, weight
end

-- All that can fail is read before anything is written: a key of another type must not leave half of the leases taken.
local shards, waiting, unusable = {}, 0, {}
for place = 1, #ARGV - fixed do
  local shard, first = ARGV[fixed + place], fixed_keys + 5 * place - 4
  local stream, lease, _, caution, fuse = unpack(KEYS, first, first + 4)
  local length = redis.pcall('XLEN', stream)
  local one = {
    waiting = type(length) == 'number' and length or -1,
    free = redis.call('EXISTS', lease) == 0,
    stopped = held or all_paused or redis.call('HEXISTS', KEYS[3], shard) == 1,
    size = tonumber(redis.call('HGET', caution, 'size') or nil),
    fuse = redis.call('HMGET', fuse, 'seen', 'dead'),
  }
  if one.waiting < 0 then unusable[#unusable + 1] = {shard, length.err} end
  if one.free and not one.stopped then waiting = waiting + math.max(0, one.waiting) end
  shards[place] = one
end
local sources = {
  redis.call('HGETALL', KEYS[6]), redis.call('HMGET', KEYS[7], 'entries', 'bytes'), redis.call('HGETALL', KEYS[8])
}

-- A part of what there is, unless that is hardly worth the way: the rest is for other drains, and nobody waits long for
-- the end of a batch. A backlog makes full ones.
left = math.min(left, math.max(32, math.ceil(waiting / 4)))

local taken, empty = {}, {}
for place, one in ipairs(shards) do
  local shard, first = ARGV[fixed + place], fixed_keys + 5 * place - 4
  local stream, lease, bell, caution = unpack(KEYS, first, first + 3)
  if shard == called then redis.call('DEL', bell) end
  if one.waiting == 0 then
    empty[#empty + 1] = shard
  elseif one.waiting > 0 and one.free and not one.stopped then
    local size = one.size or tonumber(ARGV[4])
    local most, weight = 0, 0
    if left > 0 and room > 0 then most, weight = light_ones(stream, one.waiting, math.min(size, left)) end
    -- A shard under caution is taken alone: whoever dies there must not be counted against others. So is one with a
    -- large entry: nobody else is to wait for it.
    local alone = one.size or most == 0
    if alone and #taken > 0 then left = 0 end
    if left <= 0 or room <= 0 then
      -- While there is a watch no bells are rung: what is left for others is told to them, and to the pumps.
      if watcher then redis.pcall('XADD', KEYS[4], 'MAXLEN', '~', kept, '*', 'shard', shard) end
      watcher = nil
    else
      redis.call('SET', lease, owner, 'PX', lease_time)
      -- An entry that kills its readers is found by halving: this drain is taken for dead until it says otherwise.
      local deaths = 0
      redis.call('HSET', caution, 'size', math.max(1, math.floor(size / 2)))
      if size == 1 then deaths = redis.call('HINCRBY', caution, 'deaths', 1) - 1 end
      local entries = most > 0 and oldest(stream, most) or {}
      local unread = most == 0 and size or 0
      local batch = redis.call('HGET', KEYS[9], shard) or '0'
      taken[#taken + 1] = {shard, deaths, one.fuse[1] or '0', one.fuse[2] or '0', entries, unread, weight, batch}
      if alone then left = 0 end
    end
  end
end
local after = ''
if #taken == 0 and not held and redis.call('SET', KEYS[1], owner, 'NX', 'PX', watch_time) then
  local last = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)
  after = last[1] and last[1][1] or '0-0'
end
return {held or '', taken, empty, after, broker, sources, unusable}
"""

# KEYS: failures, counters, rate, paused, aside, sizes, sources, recorded, hold; then for each shard: stream, lease,
# caution, fuse.
# ARGV: owner, seconds a rate is kept, most entries, recorded, repeated, dead, seconds a source's failures count, most
# entries a fuse allows, now in seconds.
# How many sources, and for each: its key, how many of its entries were seen and are dead, why it is set aside (or '').
# For each shard: its number, seen and dead of its fuse, why it is paused (or ''), the number of its batch (0 if there
# was none), how many entries are recorded, and their ids; how many are set aside, and of each its id and its source's
# key.
# Gives: how often the database was not to be had before; 0 while all are kept away, for then this was recorded before
# the database went away, and says nothing of it.
DONE: Final = """#!lua flags=allow-oom
local owner, aside, sizes, sources = ARGV[1], KEYS[5], KEYS[6], KEYS[7]
for place, name in ipairs({'recorded', 'repeated', 'dead'}) do
  if ARGV[3 + place] ~= '0' then
    redis.call('HINCRBY', KEYS[2], name, ARGV[3 + place])
    redis.call('HINCRBY', KEYS[3], name, ARGV[3 + place])
  end
end
redis.call('EXPIRE', KEYS[3], ARGV[2])
local time = redis.call('TIME')
redis.call('HSET', KEYS[8], 'at', time[1] * 1000 + math.floor(time[2] / 1000))

-- Of the last entries of a source, how many were seen and are dead, and when one died last: older ones fade.
local function count(key, seen, dead)
  local now, most, failed = tonumber(ARGV[9]), tonumber(ARGV[8]), dead > 0
  local old_seen, old_dead, at = string.match(redis.call('HGET', sources, key) or '', '^(%d+) (%d+) (%d+)$')
  if at and now - at < tonumber(ARGV[7]) then seen, dead = seen + old_seen, dead + old_dead end
  while most > 0 and seen >= 2 * most do seen, dead = math.floor(seen / 2), math.ceil(dead / 2) end
  if dead == 0 then return redis.call('HDEL', sources, key) end
  redis.call('HSET', sources, key, string.format('%d %d %d', seen, dead, failed and now or at))
  if failed then redis.call('EXPIRE', sources, ARGV[7]) end
end

-- From its shard to where its source's entries wait, unless that was resumed meanwhile, or another drain was faster.
local function set_aside(stream, shard, id, key)
  local entry = redis.call('XRANGE', stream, id, id)[1]
  if not entry or redis.call('HEXISTS', aside, key) == 0 then return end
  local bytes = 0
  for _, field in ipairs(entry[2]) do bytes = bytes + #field end
  redis.call('XADD', aside .. ':' .. key, '*', 'shard', shard, 'entry', id, unpack(entry[2]))
  redis.call('XDEL', stream, id)
  redis.call('HINCRBY', sizes, 'entries', 1)
  redis.call('HINCRBY', sizes, 'bytes', bytes)
  redis.call('HINCRBY', sizes, 'bytes:' .. key, bytes)
end

local argument, key = 11, 10
for _ = 1, ARGV[10] do
  local source, seen, dead, why = unpack(ARGV, argument, argument + 3)
  if why ~= '' then
    redis.call('HSET', aside, source, why)
    redis.call('HDEL', sources, source)
  else
    count(source, tonumber(seen), tonumber(dead))
  end
  argument = argument + 4
end
while argument < #ARGV do
  local shard, seen, dead, why, batch, recorded = unpack(ARGV, argument, argument + 5)
  local stream, lease, caution, fuse = unpack(KEYS, key, key + 3)
  local last = argument + 5 + recorded
  if tonumber(batch) > tonumber(redis.call('HGET', KEYS[8], shard) or '0') then
    redis.call('HSET', KEYS[8], shard, batch)
  end
  for first = argument + 6, last, 1000 do
    redis.call('XDEL', stream, unpack(ARGV, first, math.min(first + 999, last)))
  end
  argument = last + 2
  for _ = 1, ARGV[last + 1] do
    set_aside(stream, shard, ARGV[argument], ARGV[argument + 1])
    argument = argument + 2
  end
  redis.call('HSET', fuse, 'seen', seen, 'dead', dead)
  if why ~= '' then redis.call('HSETNX', KEYS[4], shard, why) end
  local size = 4 * tonumber(redis.call('HGET', caution, 'size') or ARGV[3])
  redis.call('DEL', caution)
  if size < tonumber(ARGV[3]) then redis.call('HSET', caution, 'size', size) end
  if redis.call('GET', lease) == owner then redis.call('DEL', lease) end
  key = key + 4
end
local failures = redis.call('GET', KEYS[1])
if not failures or redis.call('EXISTS', KEYS[9]) == 1 then return 0 end
redis.call('DEL', KEYS[1])
return tonumber(failures)
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

# KEYS: watch, idle; then for each shard: lease, caution. ARGV: owner, most entries of the idle stream (0: tell nobody).
# Nothing here fails half done: what is in the way (a key of another type, a stream that is used up) is left to others.
LEAVE: Final = """#!lua flags=allow-oom
if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
for key = 3, #KEYS, 2 do
  if redis.pcall('GET', KEYS[key]) == ARGV[1] then redis.call('DEL', KEYS[key], KEYS[key + 1]) end
end
if ARGV[2] ~= '0' then redis.pcall('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'shard', 'all') end
"""
