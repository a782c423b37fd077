#!lua flags=allow-oom
-- Renew the caller's leases. A drain that is alive after so long was not killed by its entries: it waits for the
-- database, so no deaths are counted.
--
-- KEYS
--   for each shard: ledger:lease:{shard}, ledger:caution:{shard}
-- ARGV
--   1 owner
--   2 ms of a lease
--
-- Returns nothing.

for key = 1, #KEYS, 2 do
  if redis.call('GET', KEYS[key]) == ARGV[1] then
    redis.call('PEXPIRE', KEYS[key], ARGV[2])
    redis.call('HDEL', KEYS[key + 1], 'deaths')
  end
end
