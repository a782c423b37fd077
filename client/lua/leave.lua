#!lua flags=allow-oom
-- Remove a consumer's sign of life.
--
-- KEYS
--   1 ledger:consumers:{sandbox}  each consumer's last sign of life
-- ARGV
--   1 the consumer's name
--   2 the word that names this process
--   3 the sign of another process that may be removed
--
-- Returns 1 if it was removed, else 0.

local stands = redis.call('HGET', KEYS[1], ARGV[1])
if stands and (stands == ARGV[3] or stands:match(' (.*)$') == ARGV[2]) then
  return redis.call('HDEL', KEYS[1], ARGV[1])
end
return 0
