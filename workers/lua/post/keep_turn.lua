#!lua flags=allow-oom
-- Renew the lease of the postman's turn.
--
-- KEYS
--   1 ledger:postman  the owner of the turn; expires
-- ARGV
--   1 owner
--   2 ms of a turn's lease
--
-- Returns 1 if the caller still has the turn, else 0.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
