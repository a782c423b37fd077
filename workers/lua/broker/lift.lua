#!lua flags=allow-oom
-- Make a stream give ids behind an entry that was recorded of it: an id is given once, the next entry gets a greater
-- one.
--
-- KEYS
--   1 ledger:events:{shard}
-- ARGV
--   1 the id of the entry that was recorded
--
-- Returns nothing.

if not redis.pcall('XADD', KEYS[1], ARGV[1], 'event', '').err then redis.call('XDEL', KEYS[1], ARGV[1]) end
