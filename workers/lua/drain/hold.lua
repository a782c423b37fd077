#!lua flags=allow-oom
-- Keep all drains away for a while, longer each time, and release the caller's leases without any caution.
--
-- KEYS
--   1 ledger:hold      why nothing is taken for now; expires
--   2 ledger:failures  how often in a row the database was unavailable
--   then for each shard: ledger:lease:{shard}, ledger:caution:{shard}
-- ARGV
--   1 owner
--   2 why
--   3 most ms of the hold
--
-- Returns how often in a row the database was unavailable, this time included.

-- include workers/lua/shared/release.lua

local failures = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'PX', math.min(500 * 2 ^ math.min(failures, 10), tonumber(ARGV[3])))
for key = 3, #KEYS, 2 do
  release(KEYS[key], ARGV[1])
  redis.call('DEL', KEYS[key + 1])
end
return failures
