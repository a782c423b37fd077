#!lua flags=allow-oom
-- Claim a key for a while, also while the broker's memory is full.
--
-- KEYS
--   1 ledger:beat, ledger:pairing or another string that expires
-- ARGV
--   1 ms of the claim
--   2 owner
--
-- Returns 1 if the caller has the key now, else 0.

return redis.call('SET', KEYS[1], ARGV[2], 'NX', 'PX', ARGV[1]) and 1 or 0
