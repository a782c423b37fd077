#!lua flags=allow-oom
-- Ring a shard's bell, unless a drain is at work or on its way, or none is wanted. One round trip: each write to the
-- broker waits for its disk.
--
-- KEYS
--   1 ledger:lease:{shard}  the owner of the drain that records the shard's entries
--   2 ledger:bell:{shard}   a drain is on its way; expires
--   3 ledger:watch          the owner of the drain that waits
--   4 ledger:hold           why nothing is taken for now
--   5 ledger:paused         the paused shards
-- ARGV
--   1 ms of a bell
--   2 the shard's number
--
-- Returns a `Ring` (workers/pump.py): 0 under way, 1 rung, 2 paused, 3 held.

if redis.call('HEXISTS', KEYS[5], ARGV[2]) == 1 or redis.call('HEXISTS', KEYS[5], 'all') == 1 then return 2 end
if redis.call('EXISTS', KEYS[4]) == 1 then return 3 end
if redis.call('EXISTS', KEYS[1], KEYS[3]) > 0 then return 0 end
if redis.call('SET', KEYS[2], 'rung', 'NX', 'PX', ARGV[1]) then return 1 end
return 0
