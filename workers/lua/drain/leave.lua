#!lua flags=allow-oom
-- Release all that the caller holds, and wake the pumps. A key of another type, or a stream that is used up, stops
-- nothing half-way: other code mends it.
--
-- KEYS
--   1 ledger:watch  the owner of the drain that waits
--   2 ledger:idle   the stream that wakes pumps and the waiting drain
--   then for each shard: ledger:lease:{shard}, ledger:caution:{shard}
-- ARGV
--   1 owner
--   2 most entries of ledger:idle; 0: wake nobody
--
-- Returns nothing.

if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
for key = 3, #KEYS, 2 do
  if redis.pcall('GET', KEYS[key]) == ARGV[1] then redis.call('DEL', KEYS[key], KEYS[key + 1]) end
end
if ARGV[2] ~= '0' then redis.pcall('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'shard', 'all') end
