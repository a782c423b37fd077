#!lua flags=allow-oom
-- Lease the shards that have entries, as many as fill a batch, and return their first entries. If no shard has any to
-- take, the caller becomes the drain that waits for entries, unless another one is.
--
-- KEYS
--   1 ledger:watch            the owner of the drain that waits
--   2 ledger:hold             why nothing is taken for now
--   3 ledger:paused           the paused shards
--   4 ledger:idle             the stream that wakes pumps and the waiting drain
--   5 ledger:broker           whose broker this is
--   6 ledger:aside            the sources that are set aside
--   7 ledger:aside-sizes      entries and bytes of all that is set aside
--   8 ledger:sources          the fuses of sources
--   9 ledger:recorded         the number of each shard's last batch
--   then for each shard, in order of preference:
--     ledger:events:{shard}   its entries
--     ledger:lease:{shard}    the owner of the drain that records them
--     ledger:bell:{shard}     a drain is on its way
--     ledger:caution:{shard}  how many entries may be taken after drains that died (`size`), how many drains died at
--                             the first entry alone (`deaths`)
--     ledger:fuse:{shard}     of the last entries: how many were `seen` and are `dead`
-- ARGV
--   1 owner
--   2 ms of a lease
--   3 ms of a watch
--   4 most entries of the batch
--   5 most bytes of the batch
--   6 most bytes of a stream whose entries are read by this script
--   7 the shard whose bell called, or ''
--   8 most entries of ledger:idle
--   9 what ledger:broker should hold
--   then the number of each shard
--
-- Returns
--   1 why nothing is taken, or ''
--   2 for each shard taken: its number; how many drains died at its first entry alone; `seen` and `dead` of its fuse;
--     its entries; how many entries to read at the most if the caller must read them itself, else 0; the weight of its
--     stream in bytes; the number of its last batch
--   3 the shards that are empty
--   4 the last entry of ledger:idle if the caller is now the drain that waits, else ''
--   5 what ledger:broker holds. If it is not what it should be, the broker may be another ledger's: then nothing is
--     taken and nothing is changed
--   6 ledger:aside; entries and bytes of ledger:aside-sizes; ledger:sources
--   7 for each shard that cannot be used: its number and the error of Redis

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

-- Return the oldest entries. They are read in steps that grow: a step of large ones must fit into memory. Redis refuses
-- to read behind the last possible id.
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

-- Return how many of a stream's first `most` entries are light together, and the stream's weight in bytes. 0: a large
-- entry may be among them, and to read it here would copy it three times while everybody waits. The entries are not
-- read for this. MEMORY USAGE takes the mean of the first nodes (an entry or more each) for that of all nodes: it is
-- never less than the sum of that many first ones. A node holds 100 entries at most (`stream-node-max-entries`), so for
-- a long stream it is far more than that sum. A large entry is unlikely there, and the bound is wider.
local function light_ones(stream, waiting, most)
  local weight = redis.call('MEMORY', 'USAGE', stream, 'SAMPLES', most)
  if weight <= light then return most, weight end
  local some = math.floor(16 * light * waiting / (100 * weight))
  return some >= math.min(64, most) and math.min(some, most) or 0, weight
end

-- All that can fail is read before anything is written: a key of another type must not leave some of the leases taken.
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

-- Take a quarter of what waits, but at least 32 entries: the rest is for other drains, and no entry waits long for the
-- end of a batch. A backlog makes full batches.
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
    -- A shard under caution is taken alone: a drain that dies at it must not count against others. So is a shard with a
    -- large entry: no other shard is to wait for it.
    local alone = one.size or most == 0
    if alone and #taken > 0 then left = 0 end
    if left <= 0 or room <= 0 then
      -- While a drain watches, no bells are rung: wake it and the pumps for what is left to other drains.
      if watcher then redis.pcall('XADD', KEYS[4], 'MAXLEN', '~', kept, '*', 'shard', shard) end
      watcher = nil
    else
      redis.call('SET', lease, owner, 'PX', lease_time)
      -- Halving finds an entry that kills its readers: this drain counts as dead until it finishes or renews.
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
