#!lua flags=allow-oom
-- Finish a batch: delete the entries that are recorded, count them, set entries of bad sources aside, update fuses and
-- pauses, and release the leases.
--
-- KEYS
--   1 ledger:failures         how often in a row the database was unavailable
--   2 ledger:counters         totals
--   3 ledger:rate:{10 s}      the same of these ten seconds
--   4 ledger:paused           the paused shards
--   5 ledger:aside            the sources that are set aside
--   6 ledger:aside-sizes      entries and bytes of all that is set aside
--   7 ledger:sources          the fuses of sources
--   8 ledger:recorded         the number of each shard's last batch, and when one was recorded last (`at`)
--   9 ledger:hold             why nothing is taken for now
--   then for each shard: ledger:events:{shard}, ledger:lease:{shard}, ledger:caution:{shard}, ledger:fuse:{shard}
--   The streams ledger:aside:{source's key} are named by this script.
-- ARGV
--   1 owner
--   2 seconds for which a rate is kept
--   3 most entries of a batch
--   4 entries recorded
--   5 entries repeated
--   6 entries dead
--   7 seconds for which a source's failures count
--   8 how many entries a fuse allows; 0: any number
--   9 the time in seconds
--  10 number of sources
--   then for each source: its key; how many of its entries were seen; how many of them are dead; why it is set aside,
--     or ''
--   then for each shard: its number; `seen` and `dead` of its fuse; why it is paused, or ''; the number of its batch, 0
--     if there was none; the number of entries recorded, and their ids; the number of entries to set aside, and of each
--     its id and its source's key
--
-- Returns how often in a row the database had been unavailable. 0 while ledger:hold is set: this batch was recorded
-- before the database became unavailable, and proves nothing about it now.

-- include domain/lua/now.lua
-- include workers/lua/shared/release.lua

local owner, aside, sizes, sources = ARGV[1], KEYS[5], KEYS[6], KEYS[7]
for place, name in ipairs({'recorded', 'repeated', 'dead'}) do
  if ARGV[3 + place] ~= '0' then
    redis.call('HINCRBY', KEYS[2], name, ARGV[3 + place])
    redis.call('HINCRBY', KEYS[3], name, ARGV[3 + place])
  end
end
redis.call('EXPIRE', KEYS[3], ARGV[2])
redis.call('HSET', KEYS[8], 'at', now())

-- Add to a source's fuse: how many of its last entries were seen and are dead, and when one died last. Old ones fade.
local function count(key, seen, dead)
  local second, most, failed = tonumber(ARGV[9]), tonumber(ARGV[8]), dead > 0
  local old_seen, old_dead, at = string.match(redis.call('HGET', sources, key) or '', '^(%d+) (%d+) (%d+)$')
  if at and second - at < tonumber(ARGV[7]) then seen, dead = seen + old_seen, dead + old_dead end
  while most > 0 and seen >= 2 * most do seen, dead = math.floor(seen / 2), math.ceil(dead / 2) end
  if dead == 0 then return redis.call('HDEL', sources, key) end
  redis.call('HSET', sources, key, string.format('%d %d %d', seen, dead, failed and second or at))
  if failed then redis.call('EXPIRE', sources, ARGV[7]) end
end

-- Move an entry from its shard to the stream of its source, unless the source was resumed or another drain moved it.
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
  release(lease, owner)
  key = key + 4
end
local failures = redis.call('GET', KEYS[1])
if not failures or redis.call('EXISTS', KEYS[9]) == 1 then return 0 end
redis.call('DEL', KEYS[1])
return tonumber(failures)
