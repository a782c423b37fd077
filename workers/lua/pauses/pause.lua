#!lua flags=allow-oom
-- Pause shards.
--
-- KEYS
--   1 ledger:paused
-- ARGV
--   1 JSON of why, by whom and when
--   then the shards' numbers, or 'all'
--
-- Returns nothing.

for place = 2, #ARGV do redis.call('HSET', KEYS[1], ARGV[place], ARGV[1]) end
