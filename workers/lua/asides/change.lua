#!lua flags=allow-oom
-- Replace what is said of a source that is set aside. Its fuse begins anew.
--
-- KEYS
--   1 ledger:aside    the sources that are set aside
--   2 ledger:sources  the fuses of sources
-- ARGV
--   1 the source's key
--   2 its JSON as it is now, or ''
--   3 its JSON as it is to be
--
-- Returns 1 if it was replaced, 0 if another JSON is there.

if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
